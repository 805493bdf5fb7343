package store

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/uptrace/bun/schema"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

// bulkRows is how many rows a write may have beside those of other callers.
const bulkRows = 20

// errUnderWay refuses a small write of a user whose workouts a bulk write is writing.
var errUnderWay = errors.New("store: a bulk write of this user is under way")

// upsert is a write of workouts of one user.
type upsert struct {
	userID, provider string
	rows             []workoutRow // which differ in identity
	quota            event.Quota
	event            audit.Event
	stored           map[identity]string // the id under which each row is
}

// runUpsert writes the rows: many of them in parts, of which the first decides
// whether all may be written. Until the last part is written or one has failed, no
// other call adds workouts of the user.
func (s *Store) runUpsert(ctx context.Context, u *upsert) error {
	budgetFrom(ctx).leave() // a bulk write takes another turn, and a small one needs none
	u.stored = make(map[identity]string, len(u.rows))
	if len(u.rows) <= bulkRows {
		err := s.do(ctx, func(ctx context.Context, t *tx) error {
			if other := s.upserting.Load(); other != nil && other.userID == u.userID {
				return errUnderWay
			}
			return u.begin(ctx, t, u.rows)
		})
		if !errors.Is(err, errUnderWay) {
			return err
		}
		ctx = u.next(ctx)
	}
	first, rest := s.engine.cut.split(u.rows)
	more := len(rest) > 0
	parts := []func(context.Context, *tx) error{func(ctx context.Context, t *tx) error {
		err := u.begin(ctx, t, first)
		if err == nil && more {
			s.upserting.Store(u)
		}
		return err
	}}
	for len(rest) > 0 {
		var some []workoutRow
		some, rest = s.engine.cut.split(rest)
		parts = append(parts, func(ctx context.Context, t *tx) error { return u.goOn(ctx, t, some) })
	}
	defer s.upserting.CompareAndSwap(u, nil)
	return s.doBulk(ctx, parts...)
}

// next returns a context in which the write takes its turn among the bulk writes as the
// first of a caller of its own, and not after all that the caller has for other users.
func (u *upsert) next(ctx context.Context) context.Context {
	return auth.WithCaller(ctx, &auth.Caller{Principal: &auth.Principal{Kind: auth.UserToken, ID: u.userID + " few"}})
}

// split returns the rows that a part may hold, one at least, and those after them.
func (b bounds) split(rows []workoutRow) (some, rest []workoutRow) {
	if b == (bounds{}) {
		return rows, nil
	}
	n, bytes := 0, int64(0)
	for n < min(b.rows, len(rows)) && (n == 0 || bytes+rows[n].size() <= b.bytes) {
		bytes += rows[n].size()
		n++
	}
	return rows[:n], rows[n:]
}

// begin writes the first rows, and the event, if the quota admits all.
func (u *upsert) begin(ctx context.Context, t *tx, first []workoutRow) error {
	before, err := t.usage(ctx, u.userID)
	if err == nil {
		err = u.admit(ctx, t, before)
	}
	if err == nil {
		err = u.write(ctx, t, before, first)
	}
	if err == nil {
		err = t.recordOften(ctx, u.event)
	}
	return err
}

// goOn writes more rows.
func (u *upsert) goOn(ctx context.Context, t *tx, some []workoutRow) error {
	before, err := t.usage(ctx, u.userID)
	if err != nil {
		return err
	}
	return u.write(ctx, t, before, some)
}

// admit returns nil or the refusal of the quota for all rows.
func (u *upsert) admit(ctx context.Context, t *tx, before event.Usage) error {
	if u.quota.Admit(before, before.With(usageOf(u.rows), event.Usage{})) == nil {
		return nil // even if they replace nothing
	}
	old, err := t.replacedBy(ctx, u.userID, u.rows)
	if err != nil {
		return err
	}
	return u.quota.Admit(before, before.With(usageOf(u.rows), old))
}

// write writes the rows, and what the user keeps with them.
func (u *upsert) write(ctx context.Context, t *tx, before event.Usage, rows []workoutRow) error {
	old, err := t.replacedBy(ctx, u.userID, rows)
	if err == nil {
		err = t.synced(ctx, u.userID, u.provider, before.With(usageOf(rows), old))
	}
	for err == nil && len(rows) > 0 {
		statement, n := upsertOne, 1
		if len(rows) >= together {
			statement, n = upsertTogether, together
		}
		err = t.fail(ctx, t.upsert(ctx, statement, rows[:n], u.stored))
		rows = rows[n:]
	}
	return err
}

// synced records that the user's data was synced from the provider, and what the
// user keeps since.
func (t *tx) synced(ctx context.Context, userID, provider string, u event.Usage) error {
	return t.execOne(ctx, t.updateUsage(userID, u).
		Set("last_synced_at = ?, workouts_counted_at = ?", t.now, t.now).Set("last_synced_provider = ?", provider))
}

// replaced lists the columns that a later workout of the same identity
// replaces.
var replaced = []string{
	"type", "name", "start_time", "end_time", "zone_offset", "duration_seconds", "source", "device",
	"device_type", "device_name", "calories_kcal", "distance_meters", "avg_heart_rate_bpm", "max_heart_rate_bpm",
	"avg_pace_sec_per_km", "elevation_gain_meters",
}

// together is how many workouts one statement writes, unless fewer are left.
const together = 50

var upsertTogether, upsertOne = upserting(together), upserting(1)

// upserting returns a statement that writes n workouts and returns the identity
// and the id of each.
func upserting(n int) *statement[workoutRow] {
	return &statement[workoutRow]{text: func(table *schema.Table, columns []string) string {
		set := make([]string, len(replaced))
		for i, column := range replaced {
			set[i] = column + " = excluded." + column
		}
		row := "(?" + strings.Repeat(", ?", len(columns)-1) + ")"
		return "INSERT INTO " + table.Name + " (" + strings.Join(columns, ", ") + ") VALUES " + row + strings.Repeat(", "+row, n-1) +
			" ON CONFLICT (user_id, provider, external_id) DO UPDATE SET " + strings.Join(set, ", ") +
			" RETURNING provider, external_id, id"
	}}
}

// upsert writes the rows, and adds to stored the ids under which they are.
func (t *tx) upsert(ctx context.Context, s *statement[workoutRow], rows []workoutRow, stored map[identity]string) (err error) {
	p := preparedFor(t.mapper, s, "")
	args := make([]any, 0, len(rows)*len(p.fields))
	for i := range rows {
		if args, err = p.appendArgs(args, reflect.ValueOf(&rows[i]).Elem()); err != nil {
			return err
		}
	}
	back, err := t.conn.query(ctx, p, args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, back.Close()) }()
	for back.Next() {
		var of identity
		var id string
		if err := back.Scan(&of.provider, &of.externalID, &id); err != nil {
			return err
		}
		stored[of] = id
	}
	return back.Err()
}
