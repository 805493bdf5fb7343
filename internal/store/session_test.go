package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

func TestSeenAddressKeepsTheLatestTime(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		d := newDeveloper()
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertDeveloper(ctx, d), tx.SawAddress(ctx, d.ID, "192.0.2.1", epoch))
		})
		seen := func(address string, since time.Time) bool {
			return must(s.SeenAddress(t.Context(), d.ID, address, since))(t)
		}
		wantEqual(t, seen("192.0.2.1", epoch), true)
		wantEqual(t, seen("192.0.2.1", epoch.Add(1)), true) // within the same microsecond
		wantEqual(t, seen("192.0.2.1", epoch.Add(time.Microsecond)), false)
		wantEqual(t, seen("192.0.2.2", epoch), false)
		for _, at := range []time.Time{epoch.Add(time.Hour), epoch.Add(time.Minute)} { // the earlier one changes nothing
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.SawAddress(ctx, d.ID, "192.0.2.1", at) })
		}
		wantEqual(t, seen("192.0.2.1", epoch.Add(time.Hour)), true)
	})
}

func TestLastUseNeverMovesBack(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		k, unused, session := newKey(), newKey(), s.addSession(t)
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertKey(ctx, k), tx.InsertKey(ctx, unused))
		})
		later, earlier := epoch.Add(time.Hour), epoch.Add(time.Minute)
		last := auth.KeyUse{At: later, IP: "192.0.2.1", Client: "it's \x00\xff", Operation: "GetUser"}
		many := map[string]auth.KeyUse{k.ID: last}
		for range 1200 { // in several statements; most are of keys that are gone
			many["key_"+fill[string](true)] = auth.KeyUse{At: epoch}
		}
		for _, at := range []map[string]auth.KeyUse{many, {k.ID: {At: earlier, IP: "192.0.2.2", Operation: "ListUsers"}}, {}} {
			if err := s.TouchKeys(t.Context(), at); err != nil {
				t.Fatal(err)
			}
		}
		for _, at := range []time.Time{later, earlier} {
			if err := s.TouchSessions(t.Context(), map[string]time.Time{session.ID: at}); err != nil {
				t.Fatal(err)
			}
		}
		used := must(s.Key(t.Context(), k.ID))(t)
		wantEqual(t, used.LastUsedAt, &later)
		wantEqual(t, []string{*used.LastUsedIP, *used.LastUsedClient, *used.LastUsedOperation}, []string{last.IP, storable(last.Client), last.Operation})
		wantError(t, s.TouchKeys(t.Context(), map[string]auth.KeyUse{k.ID: {At: later.Add(time.Second)}}), nil)
		used = must(s.Key(t.Context(), k.ID))(t)
		wantEqual(t, []*string{used.LastUsedIP, used.LastUsedClient, used.LastUsedOperation}, []*string{nil, nil, nil})
		wantEqual(t, must(s.Key(t.Context(), unused.ID))(t).LastUsedAt, nil)
		wantEqual(t, must(s.Session(t.Context(), session.ID))(t).LastUsedAt, later)
	})
}

// Uses of older secrets add up, over nodes and flushes, and never move the last one
// back. Those of another secret than the present older one change nothing.
func TestOlderSecretsAreCounted(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		k, newest, a := newKey(), newKey(), fill[auth.StoredApplication](true)
		ends := epoch.Add(time.Hour)
		hash := credential.Hash{1}
		k.PreviousHash, k.PreviousExpiresAt, a.PreviousHash, a.PreviousExpiresAt = &hash, &ends, &hash, &ends
		newest.PreviousHash, newest.PreviousExpiresAt = nil, nil
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertKey(ctx, k), tx.InsertKey(ctx, newest), tx.InsertApplication(ctx, a))
		})
		count := func(ends, at time.Time, client string, requests int64) {
			t.Helper()
			use := auth.SecretUse{KeyUse: auth.KeyUse{At: at, IP: "192.0.2.1", Client: client, Operation: "GetUser"}, Requests: requests}
			uses := make(map[auth.OlderSecret]auth.SecretUse)
			for kind, ids := range map[auth.CredentialKind][]string{auth.APIKey: {k.ID, newest.ID, "key_gone"}, auth.AppSecret: {a.AppID, "app_gone"}} {
				for _, id := range ids {
					uses[auth.OlderSecret{Kind: kind, ID: id, Ends: ends.UnixMicro()}] = use
				}
			}
			if err := s.CountOlderSecrets(t.Context(), uses); err != nil {
				t.Fatal(err)
			}
		}
		wants := func(want *auth.Overlap) {
			t.Helper()
			key, app := must(s.Key(t.Context(), k.ID))(t), must(s.Application(t.Context(), a.AppID))(t)
			wantEqual(t, key.Overlap(), want)
			wantEqual(t, app.Overlap(), want)
			alone := must(s.Key(t.Context(), newest.ID))(t)
			wantEqual(t, alone.Overlap(), nil)
		}
		wants(&auth.Overlap{ExpiresAt: ends})
		later := epoch.Add(time.Minute)
		var nodes sync.WaitGroup
		for range 4 {
			nodes.Go(func() { count(ends, later, "it's \x00\xff", 2) })
		}
		nodes.Wait()
		count(ends, epoch, "earlier", 1)
		count(ends.Add(time.Microsecond), later.Add(time.Hour), "another secret", 7)
		want := &auth.Overlap{
			ExpiresAt: ends, LastUsedAt: &later, LastUsedIP: ptr("192.0.2.1"), LastUsedClient: ptr(storable("it's \x00\xff")),
			LastUsedOperation: ptr("GetUser"), Requests: 9,
		}
		wants(want)

		// A release that knows nothing of the counts rotates without a word of them.
		ends = ends.Add(time.Minute)
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			key, err := tx.Key(ctx, k.ID)
			app, failure := tx.Application(ctx, a.AppID)
			key.PreviousExpiresAt, app.PreviousExpiresAt = &ends, &ends
			return errors.Join(err, failure, tx.UpdateKey(ctx, key), tx.UpdateApplication(ctx, app))
		})
		wants(&auth.Overlap{ExpiresAt: ends})
		count(ends, epoch, "", 1)
		wants(&auth.Overlap{ExpiresAt: ends, LastUsedAt: &epoch, LastUsedIP: ptr("192.0.2.1"), LastUsedOperation: ptr("GetUser"), Requests: 1})
	})
}

func TestEndSessionsEndsThoseThatMatch(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		d, u := newDeveloper(), newUser()
		session := func(change func(*auth.StoredSession)) auth.StoredSession {
			row := newUserSession(u.ID)
			change(&row)
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, row) })
			return row
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertDeveloper(ctx, d), tx.InsertUser(ctx, u))
		})
		a := session(func(r *auth.StoredSession) { r.AppID = "app_a" })
		b := session(func(r *auth.StoredSession) { r.AppID = "app_b" })
		own := session(func(r *auth.StoredSession) { r.UserID, r.AppID, r.DeveloperID = "", "", d.ID })
		other := session(func(r *auth.StoredSession) { r.UserID, r.AppID, r.DeveloperID = "", "", d.ID })
		minted := session(func(r *auth.StoredSession) { r.AppID, r.MintedBy = "admin:x", own.ID })
		elsewhere := session(func(r *auth.StoredSession) { r.AppID, r.MintedBy = "admin:x", other.ID })
		unknown := session(func(r *auth.StoredSession) { r.AppID = "admin:x" })
		session(func(r *auth.StoredSession) { r.ExpiresAt = epoch }) // expired: not live
		at := epoch.Add(time.Hour)
		for _, c := range []struct {
			which auth.SessionFilter
			want  []string
		}{
			{auth.SessionFilter{AppID: "app_a", UserID: "x"}, nil},
			{auth.SessionFilter{AppID: "app_a"}, []string{a.ID}},
			{auth.SessionFilter{AppID: "app_a"}, nil}, // already ended
			{auth.SessionFilter{AppID: "admin:x", MintedBy: b.ID}, nil},
			{auth.SessionFilter{MintedBy: other.ID}, []string{elsewhere.ID}},
			{auth.SessionFilter{AppID: "admin:x", Except: own.ID}, []string{unknown.ID}},
			{auth.SessionFilter{MintedBy: own.ID}, []string{minted.ID}},
			{auth.SessionFilter{UserID: u.ID}, []string{b.ID}},
			{auth.SessionFilter{DeveloperID: d.ID, Except: own.ID}, []string{other.ID}},
			{auth.SessionFilter{ID: own.ID, DeveloperID: u.ID}, nil},
			{auth.SessionFilter{ID: own.ID}, []string{own.ID}},
		} {
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				ids, err := tx.EndSessions(ctx, c.which, at)
				if err == nil && !slices.Equal(ids, c.want) {
					t.Errorf("%+v ended %v, want %v", c.which, ids, c.want)
				}
				return err
			})
		}
		wantEqual(t, must(s.Session(t.Context(), own.ID))(t).RevokedAt, &at)
		for _, which := range []auth.SessionFilter{{}, {Except: "x"}} {
			err := s.try(func(ctx context.Context, tx auth.Tx) error {
				_, err := tx.EndSessions(ctx, which, at)
				return err
			})
			wantError(t, err, errNoFilter)
		}
	})
}

// A database has no order of its own for what an UPDATE returns.
func TestEndedSessionsComeNewestFirst(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		want := make([]string, 5)
		for _, age := range []int{2, 4, 0, 3, 1} {
			row := newUserSession(u.ID)
			row.CreatedAt = epoch.Add(time.Duration(-age) * time.Second)
			want[age] = row.ID
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, row) })
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			ids, err := tx.EndSessions(ctx, auth.SessionFilter{UserID: u.ID}, epoch.Add(time.Hour))
			if !slices.Equal(ids, want) {
				t.Errorf("ended %v, want %v", ids, want)
			}
			return err
		})
	})
}

func TestDeveloperSessionsListsTheLiveOnes(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		d := newDeveloper()
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertDeveloper(ctx, d) })
		var want []auth.StoredSession
		for i := range 4 {
			row := newUserSession("")
			row.DeveloperID, row.CreatedAt = d.ID, epoch.Add(time.Duration(i)*time.Microsecond)
			switch i {
			case 1:
				row.RevokedAt = &epoch
			case 2:
				row.ExpiresAt = epoch.Add(time.Hour) // which is the instant asked for
			default:
				want = append(want, row)
			}
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, row) })
		}
		slices.Reverse(want)
		wantEqual(t, must(s.DeveloperSessions(t.Context(), d.ID, epoch.Add(time.Hour)))(t), want)
		wantEqual(t, must(s.DeveloperSessions(t.Context(), "x", epoch))(t), []auth.StoredSession{})
	})
}

// Deleting a holder deletes its sessions and data and nothing else; what was
// recorded of it stays.
func TestDeletionCascades(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		d, u, kept := newDeveloper(), s.addUser(t), s.addSession(t)
		own, minted := newUserSession(""), newUserSession(u.ID)
		own.DeveloperID, minted.AppID = d.ID, "admin:"+d.ID
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertDeveloper(ctx, d), tx.InsertSession(ctx, own), tx.InsertSession(ctx, minted),
				tx.SawAddress(ctx, d.ID, "192.0.2.1", epoch), tx.Record(ctx, newEvent("user:"+u.ID)))
		})
		for _, id := range []string{u.ID, kept.UserID} {
			w := newWorkout("garmin", "1", epoch)
			if _, err := s.UpsertWorkouts(t.Context(), id, []event.Workout{w}, event.Quota{}, newEvent("user:u")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AppendAccess(t.Context(), []audit.Access{{UserID: u.ID, At: epoch, Operation: "ListWorkouts"}}); err != nil {
			t.Fatal(err)
		}

		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteDeveloper(ctx, d.ID) })
		_, err := s.Session(t.Context(), own.ID)
		wantError(t, err, problem.ErrNotFound)
		wantEqual(t, must(s.SeenAddress(t.Context(), d.ID, "192.0.2.1", epoch))(t), false)
		must(s.Session(t.Context(), minted.ID))(t)

		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, u.ID) })
		_, err = s.Session(t.Context(), minted.ID)
		wantError(t, err, problem.ErrNotFound)
		wantEqual(t, len(s.allWorkouts(t, u.ID)), 0)
		wantEqual(t, len(s.ledgerOf(t, u.ID)), 1)
		wantEqual(t, len(must(s.Events(t.Context(), EventFilter{Subject: "user:" + u.ID}))(t)), 1)
		must(s.Session(t.Context(), kept.ID))(t)
		wantEqual(t, len(s.allWorkouts(t, kept.UserID)), 1)
	})
}

func TestPurgeRemovesWhatHasEnded(t *testing.T) {
	now := epoch.AddDate(1, 0, 0)
	onEachAt(t, now, func(t *testing.T, s *Store, _ *time.Time) {
		u, d := s.addUser(t), newDeveloper()
		ended, kept := newUserSession(u.ID), newUserSession(u.ID)
		ended.EndsAt, ended.ExpiresAt = now, now
		kept.EndsAt, kept.ExpiresAt, kept.RevokedAt = now.Add(time.Microsecond), epoch, &epoch
		dead, live := fill[auth.ReplayRecord](true), fill[auth.ReplayRecord](true)
		dead.ExpiresAt, live.ExpiresAt = now, now.Add(time.Microsecond)
		over, open := fill[auth.StoredSetupToken](true), fill[auth.StoredSetupToken](true)
		over.ExpiresAt, open.ExpiresAt = now, now.Add(time.Microsecond)
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			err := errors.Join(tx.InsertDeveloper(ctx, d), tx.InsertSession(ctx, kept), tx.PutReplay(ctx, dead), tx.PutReplay(ctx, live),
				tx.SawAddress(ctx, d.ID, "192.0.2.1", now.AddDate(0, 0, -31)), tx.SawAddress(ctx, d.ID, "192.0.2.2", now.AddDate(0, 0, -30)))
			err = errors.Join(err, tx.PutSetupToken(ctx, over, 2), tx.PutSetupToken(ctx, open, 2))
			for range 2*purgeBatch + 1 {
				ended.ID = fill[string](true)
				err = errors.Join(err, tx.InsertSession(ctx, ended))
			}
			return err
		})
		if err := s.Purge(t.Context(), Retention{}); err != nil {
			t.Fatal(err)
		}
		wantEqual(t, count(t, s, "sessions"), 1)
		must(s.Session(t.Context(), kept.ID))(t)
		wantEqual(t, count(t, s, "replays"), 1)
		wantEqual(t, count(t, s, "setup_tokens"), 1)
		wantEqual(t, must(s.SeenAddress(t.Context(), d.ID, "192.0.2.1", epoch))(t), false)
		wantEqual(t, must(s.SeenAddress(t.Context(), d.ID, "192.0.2.2", epoch))(t), true)
	})
}

func count(t testing.TB, s *Store, table string) (n int) {
	t.Helper()
	if err := s.pools.readers.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
