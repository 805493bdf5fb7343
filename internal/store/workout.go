package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

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

// UpsertWorkouts writes the workouts, as event.Store promises.
func (s *Store) UpsertWorkouts(ctx context.Context, userID string, ws []event.Workout, quota event.Quota, e audit.Event) ([]bool, error) {
	if len(ws) == 0 {
		return nil, s.UserExists(ctx, userID)
	}
	rows, of := distinctWorkouts(userID, ws)
	u := &upsert{userID: userID, provider: ws[len(ws)-1].Source.Provider, rows: rows, quota: quota, event: e}
	if err := s.runUpsert(ctx, u); err != nil {
		return nil, err
	}
	created := make([]bool, len(ws))
	seen := make([]bool, len(rows))
	for i := range ws {
		row := &rows[of[i]]
		ws[i].ID = u.stored[row.identity()]
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
