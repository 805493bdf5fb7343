package store

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/failpoint"
	"github.com/openwearables/openwearables/internal/usage"
)

// usageLock is the name that is locked by who changes counts of requests, so that
// transactions neither wait for one another's rows nor keep more names than may be.
const usageLock = "usage"

// countKey is the primary key of a count.
type countKey struct {
	Subject    string
	Resolution usage.Resolution
	Dimension  usage.Dimension
	At         time.Time
	Name       string
}

type countRow struct {
	bun.BaseModel `bun:"table:usage_counts,alias:c"`
	countKey
	usage.Tally
}

type usageWriterRow struct {
	bun.BaseModel `bun:"table:usage_writers,alias:w"`
	ID            string
	Number        int64
	SeenAt        time.Time
}

// counts are rows to be added, by their keys.
type counts map[countKey]usage.Tally

func (c counts) add(k countKey, t usage.Tally) {
	sum := c[k]
	sum.Add(t)
	c[k] = sum
}

// AddUsage implements usage.Store.
func (s *Store) AddUsage(ctx context.Context, writer string, number int64, batch []usage.Count) error {
	var sums counts
	err := s.do(failpoint.Background(ctx), func(ctx context.Context, t *tx) error {
		sums = nil
		if err := t.lockName(ctx, usageLock); err != nil {
			return err
		}
		last, err := t.lastBatch(ctx, writer)
		if err != nil || last >= number {
			return err
		}
		if sums, err = t.sumUp(ctx, batch); err != nil {
			return err
		}
		if err := t.limitNames(ctx, sums, &s.names); err != nil {
			return err
		}
		if err := t.addCounts(ctx, sums); err != nil {
			return err
		}
		_, err = t.exec(ctx, t.insert(&usageWriterRow{ID: writer, Number: number, SeenAt: t.now}).
			On("CONFLICT (id) DO UPDATE SET number = excluded.number, seen_at = excluded.seen_at"))
		return err
	})
	if err == nil {
		s.names.remember(sums)
	}
	return err
}

// lastBatch returns the number of the last batch that the writer has added.
func (t *tx) lastBatch(ctx context.Context, writer string) (n int64, err error) {
	err = t.db.NewRaw("SELECT coalesce(max(number), 0) FROM usage_writers WHERE id = ?", writer).Conn(t.conn).Scan(ctx, &n)
	return n, t.fail(ctx, err)
}

// sumUp returns the rows of a batch. A user who is gone has none, and is one of the
// others in those of the account.
func (t *tx) sumUp(ctx context.Context, batch []usage.Count) (counts, error) {
	gone, err := t.goneUsers(ctx, batch)
	if err != nil {
		return nil, err
	}
	sums := make(counts)
	for i := range batch {
		c, h := &batch[i], batch[i].Holder
		sums.addTo(usage.Account, c, false)
		if h.Kind == auth.UserToken && gone[h.ID] {
			sums.addName(h.Kind, usage.Other, c)
		} else {
			sums.addTo(usage.Subject(h.Kind, h.ID), c, true)
			sums.addName(h.Kind, h.ID, c)
		}
		if h.AppID != "" {
			sums.addTo(usage.Subject(auth.AppSecret, h.AppID), c, true)
			sums.addName(auth.AppSecret, h.AppID, c)
		}
	}
	return sums, nil
}

// addTo adds requests to those of a subject, with clients and networks if they are
// to be told apart.
func (c counts) addTo(subject string, from *usage.Count, apart bool) {
	for _, r := range []usage.Resolution{usage.Minute, usage.Hour, usage.Day} {
		at := r.Start(from.At())
		c.add(countKey{subject, r, usage.Total, at, usage.All}, from.Tally)
		c.add(countKey{subject, r, usage.Operations, at, from.Operation}, from.Tally)
	}
	if apart {
		at := usage.Day.Start(from.At())
		c.add(countKey{subject, usage.Day, usage.Clients, at, from.Client}, from.Tally)
		c.add(countKey{subject, usage.Day, usage.Networks, at, from.Network}, from.Tally)
	}
}

// addName adds requests to those of one of the account's keys, applications, users
// or developers.
func (c counts) addName(kind auth.CredentialKind, id string, from *usage.Count) {
	of := map[auth.CredentialKind]usage.Dimension{
		auth.APIKey: usage.Keys, auth.AppSecret: usage.Applications, auth.UserToken: usage.Users, auth.DeveloperToken: usage.Developers,
	}
	c.add(countKey{usage.Account, usage.Day, of[kind], usage.Day.Start(from.At()), id}, from.Tally)
}

// goneUsers returns which users of the batch there are no more.
func (t *tx) goneUsers(ctx context.Context, batch []usage.Count) (map[string]bool, error) {
	gone := make(map[string]bool)
	var ids []string
	for i := range batch {
		if h := batch[i].Holder; h.Kind == auth.UserToken && !gone[h.ID] {
			gone[h.ID] = true
			ids = append(ids, h.ID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var found []string
	err := t.db.NewRaw("SELECT id FROM users WHERE id IN (?)", bun.List(ids)).Conn(t.conn).Scan(ctx, &found)
	for _, id := range found {
		delete(gone, id)
	}
	return gone, t.fail(ctx, err)
}

// addCounts adds the rows to those that there are.
func (t *tx) addCounts(ctx context.Context, sums counts) error {
	rows := make([]countRow, 0, len(sums))
	for k, sum := range sums {
		rows = append(rows, countRow{countKey: k, Tally: sum})
	}
	slices.SortFunc(rows, func(a, b countRow) int { return a.countKey.compare(b.countKey) })
	for chunk := range slices.Chunk(rows, 500) {
		_, err := t.exec(ctx, t.insert(&chunk).On("CONFLICT (subject, resolution, dimension, at, name) DO UPDATE").
			Set("requests = c.requests + excluded.requests, refused = c.refused + excluded.refused, "+
				"limited = c.limited + excluded.limited, failed = c.failed + excluded.failed, "+
				"last_used_at = CASE WHEN excluded.last_used_at > c.last_used_at THEN excluded.last_used_at ELSE c.last_used_at END"))
		if err != nil {
			return err
		}
	}
	return nil
}

func (k countKey) compare(other countKey) int {
	return cmp.Or(strings.Compare(k.Subject, other.Subject), cmp.Compare(k.Resolution, other.Resolution),
		cmp.Compare(k.Dimension, other.Dimension), k.At.Compare(other.At), strings.Compare(k.Name, other.Name))
}

// limited reports whether there may be only so many names beside that of the key.
func (k countKey) limited() bool {
	return (k.Dimension == usage.Clients || k.Dimension == usage.Networks) && k.Name != usage.Other
}

// limitNames counts as others what would be one name too many of a subject in a
// day. It looks into the database only for names that are not known to be there.
func (t *tx) limitNames(ctx context.Context, sums counts, known *knownNames) error {
	var unknown []countKey
	for k := range sums {
		if k.limited() && !known.have(k) {
			unknown = append(unknown, k)
		}
	}
	slices.SortFunc(unknown, countKey.compare)
	for len(unknown) > 0 {
		n := 1
		for n < len(unknown) && unknown[n].Subject == unknown[0].Subject && unknown[n].Dimension == unknown[0].Dimension && unknown[n].At.Equal(unknown[0].At) {
			n++
		}
		if err := t.limitNamesOf(ctx, sums, unknown[:n]); err != nil {
			return err
		}
		unknown = unknown[n:]
	}
	return nil
}

// limitNamesOf is limitNames for names of one subject, dimension and day.
func (t *tx) limitNamesOf(ctx context.Context, sums counts, names []countKey) error {
	k := names[0]
	var stored []string
	err := t.db.NewRaw("SELECT name FROM usage_counts WHERE subject = ? AND resolution = ? AND dimension = ? AND at = ?",
		k.Subject, k.Resolution, k.Dimension, k.At).Conn(t.conn).Scan(ctx, &stored)
	if err != nil {
		return t.fail(ctx, err)
	}
	stored = slices.DeleteFunc(stored, func(name string) bool { return name == usage.Other })
	room := usage.MaxNames - len(stored)
	for _, k := range names {
		if slices.Contains(stored, k.Name) {
			continue
		}
		if room--; room >= 0 {
			continue
		}
		sum := sums[k]
		delete(sums, k)
		k.Name = usage.Other
		sums.add(k, sum)
	}
	return nil
}

// maxKnown bounds the names that are remembered.
const maxKnown = 1 << 16

// knownNames remembers names that are stored. Safe for concurrent use.
type knownNames struct {
	mu    sync.Mutex
	names map[countKey]struct{}
}

func (n *knownNames) have(k countKey) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, ok := n.names[k]
	return ok
}

func (n *knownNames) remember(sums counts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for k := range sums {
		if !k.limited() {
			continue
		}
		if n.names == nil || len(n.names) >= maxKnown {
			n.names = make(map[countKey]struct{})
		}
		n.names[k] = struct{}{}
	}
}
