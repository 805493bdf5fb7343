package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/usage"
)

// used is a count of n requests of a holder in the minute of at.
func used(kind auth.CredentialKind, id string, at time.Time, n int64) usage.Count {
	return usage.Count{
		Source: usage.Source{
			Holder: auth.Holder{Kind: kind, ID: id}, Operation: "GetUser", Client: "curl/8", Network: "192.0.2.0/24", Minute: at.Unix() / 60,
		},
		Tally: usage.Tally{Requests: n, Refused: n / 2, LastUsedAt: at},
	}
}

// addUsage adds counts as a node of their own.
func (s *Store) addUsage(t testing.TB, counts ...usage.Count) {
	t.Helper()
	for chunk := range slices.Chunk(counts, 100) {
		if err := s.AddUsage(t.Context(), "writer "+fmt.Sprint(time.Now().UnixNano()), 1, chunk); err != nil {
			t.Fatal(err)
		}
	}
}

// countsOf returns the counts of a subject by a dimension, in the order of their
// keys.
func (s *Store) countsOf(t testing.TB, subject string, r usage.Resolution, d usage.Dimension) []countRow {
	t.Helper()
	return must(list[countRow](t.Context(), s.reader, "at, name", func(q *bun.SelectQuery) {
		q.Where("subject = ? AND resolution = ? AND dimension = ?", subject, r, d)
	}))(t)
}

func requestsOf(rows []countRow) (n int64) {
	for _, r := range rows {
		n += r.Requests
	}
	return n
}

// A batch counts once, at every resolution, for its holder, for the application
// that minted the token, and for the account.
func TestUsageIsAddedOnce(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		c := used(auth.UserToken, u.ID, epoch.Add(20*time.Second), 3)
		c.Holder.AppID = "app_1"
		later := used(auth.APIKey, "key_1", epoch.Add(31*time.Minute), 5)
		for range 2 {
			wantError(t, s.AddUsage(t.Context(), "a", 1, []usage.Count{c, later}), nil)
		}
		wantError(t, s.AddUsage(t.Context(), "a", 2, []usage.Count{c}), nil)
		wantError(t, s.AddUsage(t.Context(), "a", 1, []usage.Count{c}), nil)
		wantError(t, s.AddUsage(t.Context(), "b", 1, []usage.Count{c}), nil)
		day := time.Date(2026, 3, 7, 0, 0, 0, 0, time.UTC)
		user := usage.Subject(auth.UserToken, u.ID)
		three := usage.Tally{Requests: 9, Refused: 3, LastUsedAt: epoch.Add(20 * time.Second)}
		for r, at := range map[usage.Resolution]time.Time{usage.Minute: epoch, usage.Hour: day.Add(10 * time.Hour), usage.Day: day} {
			wantEqual(t, s.countsOf(t, user, r, usage.Total), []countRow{{countKey: countKey{user, r, usage.Total, at, "all"}, Tally: three}})
			wantEqual(t, s.countsOf(t, user, r, usage.Operations), []countRow{{countKey: countKey{user, r, usage.Operations, at, "GetUser"}, Tally: three}})
			wantEqual(t, requestsOf(s.countsOf(t, "application:app_1", r, usage.Total)), 9)
			wantEqual(t, requestsOf(s.countsOf(t, usage.Account, r, usage.Total)), 14)
		}
		wantEqual(t, len(s.countsOf(t, usage.Account, usage.Minute, usage.Total)), 2)
		wantEqual(t, s.countsOf(t, user, usage.Day, usage.Clients)[0].Name, "curl/8")
		wantEqual(t, s.countsOf(t, user, usage.Day, usage.Networks)[0].Name, "192.0.2.0/24")
		wantEqual(t, len(s.countsOf(t, user, usage.Hour, usage.Clients)), 0)
		for d, name := range map[usage.Dimension]string{usage.Users: u.ID, usage.Applications: "app_1", usage.Keys: "key_1"} {
			wantEqual(t, s.countsOf(t, usage.Account, usage.Day, d)[0].Name, name)
		}
		wantEqual(t, len(s.countsOf(t, usage.Account, usage.Day, usage.Clients)), 0)
	})
}

// However many nodes add names at once, a subject has 64 clients and 64 networks a
// day, and no request is missing.
func TestUsageNamesAreBounded(t *testing.T) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			nodes := []*Store{openStore(t, at, Options{}).unhurried()}
			if name == "postgres" {
				nodes = append(nodes, openStore(t, at, Options{}).unhurried(), openStore(t, at, Options{}).unhurried())
			}
			var all sync.WaitGroup
			for n, s := range nodes {
				all.Go(func() {
					for i := range 30 {
						var batch []usage.Count
						for j := range 10 {
							c := used(auth.APIKey, "key_1", epoch, 1)
							c.Client, c.Network = fmt.Sprint("c", n, "-", i*10+j), fmt.Sprint("n", j)
							batch = append(batch, c)
						}
						if err := s.AddUsage(t.Context(), fmt.Sprint(n), int64(i+1), batch); err != nil {
							t.Error(err)
						}
					}
				})
			}
			all.Wait()
			s := nodes[0]
			clients := s.countsOf(t, "key:key_1", usage.Day, usage.Clients)
			wantEqual(t, len(clients), usage.MaxNames+1)
			wantEqual(t, requestsOf(clients), int64(300*len(nodes)))
			wantEqual(t, len(s.countsOf(t, "key:key_1", usage.Day, usage.Networks)), 10)
			next := used(auth.APIKey, "key_1", epoch.AddDate(0, 0, 1), 1)
			next.Client = "new"
			s.addUsage(t, next)
			wantEqual(t, len(s.countsOf(t, "key:key_1", usage.Day, usage.Clients)), usage.MaxNames+2)
		})
	}
}

func TestUsageIsKeptForItsTime(t *testing.T) {
	now := epoch.AddDate(3, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, _ *time.Time) {
		var batch []usage.Count
		for i := range 300 {
			batch = append(batch, used(auth.APIKey, "key_1", now.Add(-time.Duration(i)*12*time.Hour), 1))
		}
		s.addUsage(t, batch...)
		wantError(t, s.Purge(t.Context(), Retention{}), nil)
		wantEqual(t, len(s.countsOf(t, "key:key_1", usage.Minute, usage.Total)), 300)
		wantError(t, s.Purge(t.Context(), Retention{UsageMinutes: 48 * time.Hour, UsageHours: 240 * time.Hour, UsageDays: 2400 * time.Hour}), nil)
		for r, n := range map[usage.Resolution]int{usage.Minute: 4, usage.Hour: 20, usage.Day: 100} {
			for _, d := range []usage.Dimension{usage.Total, usage.Operations} {
				wantEqual(t, len(s.countsOf(t, "key:key_1", r, d)), n)
				wantEqual(t, len(s.countsOf(t, usage.Account, r, d)), n)
			}
		}
		wantEqual(t, count(t, s, "usage_writers"), 3)
	})
}

// Of a day that is over, those with the most requests stay, and the others are
// counted as one.
func TestUsageOfADayIsTrimmed(t *testing.T) {
	onEachAt(t, epoch.AddDate(0, 0, 1), func(t *testing.T, s *Store, now *time.Time) {
		var batch []usage.Count
		const names = usage.MaxKept + purgeBatch + 200 // in two transactions
		for i := range names {
			batch = append(batch, used(auth.APIKey, fmt.Sprintf("key_%04d", i), epoch, int64(i)), used(auth.APIKey, fmt.Sprintf("key_%04d", i), *now, 1))
		}
		s.addUsage(t, batch...)
		sum := requestsOf(s.countsOf(t, usage.Account, usage.Day, usage.Keys))
		for range 2 {
			wantError(t, s.Purge(t.Context(), Retention{}), nil)
			rows := s.countsOf(t, usage.Account, usage.Day, usage.Keys)
			wantEqual(t, requestsOf(rows), sum)
			over := slices.IndexFunc(rows, func(r countRow) bool { return !r.At.Before(usage.Day.Start(*now)) })
			wantEqual(t, over, usage.MaxKept+1)
			wantEqual(t, len(rows)-over, names)
			wantEqual(t, rows[0].Name, "key_0700")
			wantEqual(t, rows[over-1].Name, usage.Other)
		}
	})
}

// The counts of a deleted user go with the user, who is one of the others of the
// account from then on; those of its applications stay.
func TestUsageOfADeletedUserIsRemoved(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u, other := s.addUser(t), s.addUser(t)
		var batch []usage.Count
		for i := range 300 {
			c := used(auth.UserToken, u.ID, epoch.AddDate(0, 0, -i), 1)
			c.Holder.AppID = "app_1"
			batch = append(batch, c)
		}
		s.addUsage(t, append(batch, used(auth.UserToken, other.ID, epoch, 7))...)
		user := usage.Subject(auth.UserToken, u.ID)
		s.deleteUser(t, u.ID)
		wantError(t, s.Remove(t.Context()), nil)
		s.addUsage(t, batch[0]) // came late
		wantEqual(t, count(t, s, "removals"), 0)
		for r := range usage.Day + 1 {
			for d := range usage.Networks + 1 {
				wantEqual(t, len(s.countsOf(t, user, r, d)), 0)
			}
		}
		users := s.countsOf(t, usage.Account, usage.Day, usage.Users)
		wantEqual(t, requestsOf(users), 308)
		wantEqual(t, len(users), 301)
		for _, r := range users {
			if r.Name == u.ID {
				t.Error("the user is still named")
			}
		}
		wantEqual(t, requestsOf(s.countsOf(t, usage.Account, usage.Day, usage.Total)), 308)
		wantEqual(t, requestsOf(s.countsOf(t, "application:app_1", usage.Day, usage.Total)), 301)
		wantEqual(t, requestsOf(s.countsOf(t, usage.Subject(auth.UserToken, other.ID), usage.Day, usage.Total)), 7)
	})
}
