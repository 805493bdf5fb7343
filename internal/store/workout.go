package store

import (
	"context"
	"errors"
	"reflect"
	"strings"

	"github.com/google/uuid"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/event"
)

// workoutRow is a workout of one user. What it embeds is spread out into columns.
type workoutRow struct {
	bun.BaseModel `bun:"table:workouts,alias:w"`
	UserID        string
	event.Workout
}

func (r *workoutRow) held() event.Workout { return r.Workout }

// Workouts returns up to q.Limit workouts, in the order of q.
func (r *reader) Workouts(ctx context.Context, q event.Query) ([]event.Workout, error) {
	order, beyond := "start_time DESC, id DESC", "(start_time, id) < (?, ?)"
	if q.Backward {
		order, beyond = "start_time, id", "(start_time, id) > (?, ?)"
	}
	read := few[workoutRow] // a page of the index
	if q.Type != nil {
		read = list[workoutRow]
	}
	rows, err := read(ctx, r, order, func(s *bun.SelectQuery) {
		s.Where("user_id = ? AND start_time >= ? AND start_time < ?", q.UserID, q.Start, q.End).Limit(int64(q.Limit))
		if q.Type != nil {
			s.Where("type = ?", *q.Type)
		}
		if q.After != nil {
			s.Where(beyond, q.After.Start, q.After.ID)
		}
	})
	return each(rows, err, (*workoutRow).held)
}

// bulkRows is how many rows a write may have beside those of other callers.
const bulkRows = 20

// UpsertWorkouts writes all workouts or none, as event.Store promises.
func (s *Store) UpsertWorkouts(ctx context.Context, userID string, ws []event.Workout, quota event.Quota, e audit.Event) ([]bool, error) {
	if len(ws) == 0 {
		return nil, s.UserExists(ctx, userID)
	}
	rows, of := distinctWorkouts(userID, ws)
	var stored map[identity]string
	do := s.do
	if len(rows) > bulkRows {
		do = s.doBulk
	}
	err := do(ctx, func(ctx context.Context, t *tx) (err error) {
		usage, err := t.admit(ctx, userID, rows, quota)
		if err != nil {
			return err
		}
		if err = t.synced(ctx, userID, ws[len(ws)-1].Source.Provider, usage); err == nil {
			stored, err = t.upsertWorkouts(ctx, rows)
		}
		if err == nil {
			err = t.recordOften(ctx, e)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	created := make([]bool, len(ws))
	seen := make([]bool, len(rows))
	for i := range ws {
		row := &rows[of[i]]
		ws[i].ID = stored[row.identity()]
		created[i] = ws[i].ID == row.ID && !seen[of[i]]
		seen[of[i]] = true
	}
	return created, nil
}

// identity distinguishes the workouts of a user.
type identity struct{ provider, externalID string }

func (r *workoutRow) identity() identity { return identity{r.Provider, r.ExternalID} }

// distinctWorkouts returns one row with a new id for each identity, of which
// the last workout wins, and for each workout the index of its row.
func distinctWorkouts(userID string, ws []event.Workout) (rows []workoutRow, of []int) {
	of = make([]int, len(ws))
	place := make(map[identity]int, len(ws))
	for i := range ws {
		row := workoutRow{UserID: userID, Workout: ws[i]}
		at, twice := place[row.identity()]
		if twice {
			row.ID = rows[at].ID
			rows[at] = row
		} else {
			row.ID, at = uuid.Must(uuid.NewV7()).String(), len(rows) // in order, so that an index grows at its end
			rows, place[row.identity()] = append(rows, row), at
		}
		of[i] = at
	}
	return rows, of
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

// upsertWorkouts writes the rows, which differ in identity, and returns the id
// under which each is stored.
func (t *tx) upsertWorkouts(ctx context.Context, rows []workoutRow) (map[identity]string, error) {
	stored := make(map[identity]string, len(rows))
	for len(rows) > 0 {
		statement, n := upsertOne, 1
		if len(rows) >= together {
			statement, n = upsertTogether, together
		}
		if err := t.upsert(ctx, statement, rows[:n], stored); err != nil {
			return nil, t.fail(ctx, err)
		}
		rows = rows[n:]
	}
	return stored, nil
}

// upsert writes the rows, and adds to stored the ids under which they are.
func (t *tx) upsert(ctx context.Context, s *statement[workoutRow], rows []workoutRow, stored map[identity]string) (err error) {
	p := preparedFor(t.mapper, s, false)
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

// admit returns what the user will keep with the rows written, or the refusal of
// the quota. Until the transaction ends, no other writes the user's workouts.
func (t *tx) admit(ctx context.Context, userID string, rows []workoutRow, quota event.Quota) (event.Usage, error) {
	before, err := t.usage(ctx, userID)
	if err != nil {
		return before, err
	}
	old, err := t.replacedBy(ctx, userID, rows)
	if err != nil {
		return before, err
	}
	after := event.Usage{Workouts: before.Workouts - old.Workouts + int64(len(rows)), Bytes: before.Bytes - old.Bytes}
	for i := range rows {
		after.Bytes += rows[i].size()
	}
	return after, quota.Admit(before, after)
}

// synced records that the user's data was synced from the provider, and what the
// user keeps since.
func (t *tx) synced(ctx context.Context, userID, provider string, u event.Usage) error {
	return t.execOne(ctx, t.updateUsage(userID, u).
		Set("last_synced_at = ?, workouts_counted_at = ?", t.now, t.now).Set("last_synced_provider = ?", provider))
}

// DeleteWorkout removes one workout of the user.
func (s *Store) DeleteWorkout(ctx context.Context, userID, id string, e audit.Event) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error {
		u, err := t.usage(ctx, userID)
		if err != nil {
			return err
		}
		var size int64
		err = t.db.NewRaw("DELETE FROM workouts WHERE id = ? AND user_id = ? RETURNING "+workoutSize, id, userID).Conn(t.conn).Scan(ctx, &size)
		if err != nil {
			return t.fail(ctx, err)
		}
		err = t.setUsage(ctx, userID, event.Usage{Workouts: u.Workouts - 1, Bytes: u.Bytes - size})
		return errors.Join(err, t.Record(ctx, e))
	})
}
