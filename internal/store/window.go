package store

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Windows is a ratelimit.Counter that is exact over all processes that use the
// same PostgreSQL database, by the database's clock. Each request costs one
// statement and no write to the log. A crash of the database forgets the open
// windows.
type Windows struct {
	*reader
	now     func() time.Time // nil: the database's
	crowded *atomic.Bool
}

var _ cluster.Windows = Windows{}

// maxWindows is how many windows may be kept.
const maxWindows = 100_000

// Windows returns a counter of rate-limit windows in the database.
func (s *Store) Windows() Windows { return Windows{s.reader, s.now, &s.crowded} }

// Crowded reports whether PurgeWindows left maxWindows or more.
func (w Windows) Crowded() bool { return w.crowded.Load() }

// PurgeWindows removes the windows that are over, and counts the others. Call it
// every minute.
func (s *Store) PurgeWindows(ctx context.Context) error {
	if err := s.purge(ctx, windowsOver); err != nil {
		return err
	}
	row, err := find(ctx, s.reader, windowsKept, maxWindows)
	if err == nil {
		s.crowded.Store(row.Used >= maxWindows)
	}
	return err
}

type windowRow struct {
	bun.BaseModel `bun:"table:windows"`
	Used          int64
	EndsAt        int64 // unix seconds
}

const (
	givenOrNow = "coalesce(?::bigint, pg_catalog.floor(extract(epoch FROM pg_catalog.statement_timestamp()))::bigint)"
	isWindow   = "policy = ? AND id = ?"
	hasEnded   = "w.ends_at <= excluded.ends_at - ?" // ?: the length of a window
)

var (
	windowTaken = windowStatement("INSERT INTO windows AS w (policy, id, used, ends_at) VALUES (?, ?, ?, " + givenOrNow + " + ?)" +
		" ON CONFLICT (policy, id) DO UPDATE SET used = CASE WHEN " + hasEnded + " THEN excluded.used ELSE w.used + excluded.used END," +
		" ends_at = CASE WHEN " + hasEnded + " THEN excluded.ends_at ELSE w.ends_at END" +
		" WHERE " + hasEnded + " OR w.used + excluded.used <= ? RETURNING used, ends_at")
	windowOpen  = windowStatement("SELECT used, ends_at FROM windows WHERE " + isWindow + " AND ends_at > " + givenOrNow)
	windowNext  = windowStatement("SELECT 0 AS used, " + givenOrNow + " + ? AS ends_at")
	windowsKept = windowStatement("SELECT count(*) AS used, 0 AS ends_at FROM (SELECT 1 FROM windows LIMIT ?) AS kept")
	windowOver  = windowStatement("DELETE FROM windows WHERE " + isWindow + " AND used <= 1 RETURNING used, ends_at")
	windowBack  = windowStatement("UPDATE windows SET used = used - 1 WHERE " + isWindow + " AND used > 0 RETURNING used, ends_at")
)

func windowStatement(text string) *statement[windowRow] {
	return &statement[windowRow]{text: func(*schema.Table, []string) string { return text }}
}

// Take implements ratelimit.Counter.
func (w Windows) Take(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	length := seconds(p)
	for range maxTries {
		if p.Limit < p.Units() {
			break
		}
		row, err := find(ctx, w.reader, windowTaken, p.Name, quotedID(id), p.Units(), w.given(), length, length, length, length, p.Limit)
		if err == nil {
			return row.window(p, true), nil
		}
		if !errors.Is(err, problem.ErrNotFound) {
			return ratelimit.Window{}, err
		}
		full, err := w.Peek(ctx, p, id)
		if err != nil || !full.Admitted { // else the window ended in between
			return full, err
		}
	}
	return w.Peek(ctx, p, id)
}

// Peek implements ratelimit.Counter.
func (w Windows) Peek(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	row, err := find(ctx, w.reader, windowOpen, p.Name, quotedID(id), w.given())
	if errors.Is(err, problem.ErrNotFound) {
		row, err = find(ctx, w.reader, windowNext, w.given(), seconds(p))
	}
	if err != nil {
		return ratelimit.Window{}, err
	}
	return row.window(p, row.Used+int64(p.Units()) <= int64(p.Limit)), nil
}

// Return implements ratelimit.Counter.
func (w Windows) Return(ctx context.Context, p ratelimit.Policy, id string) error {
	_, err := find(ctx, w.reader, windowOver, p.Name, quotedID(id))
	if errors.Is(err, problem.ErrNotFound) {
		_, err = find(ctx, w.reader, windowBack, p.Name, quotedID(id))
	}
	if errors.Is(err, problem.ErrNotFound) {
		return nil
	}
	return err
}

// given returns the second to take as now, or nil to take the database's.
func (w Windows) given() *int64 {
	if w.now == nil {
		return nil
	}
	at := w.now().Unix()
	return &at
}

// quotedID returns the id, which may be any bytes, as a text that can be
// stored. It is unique for each id.
func quotedID(id string) string { return strconv.QuoteToASCII(id) }

func seconds(p ratelimit.Policy) int64 { return int64(p.Length() / time.Second) }

func (r windowRow) window(p ratelimit.Policy, admitted bool) ratelimit.Window {
	return ratelimit.Window{Policy: p, Remaining: max(0, p.Limit-int(r.Used)), Reset: time.Unix(r.EndsAt, 0), Admitted: admitted}
}
