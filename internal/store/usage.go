package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/event"
)

// workoutOverhead is about what a workout takes beside its texts, in bytes: its
// numbers, ids and entries in the indexes.
const workoutOverhead = 400

// workoutSize is size in SQL.
const workoutSize = "400 + 2 * (octet_length(provider) + octet_length(external_id)) + octet_length(type) + coalesce(octet_length(name), 0) + " +
	"coalesce(octet_length(zone_offset), 0) + coalesce(octet_length(source), 0) + coalesce(octet_length(device), 0) + " +
	"coalesce(octet_length(device_type), 0) + coalesce(octet_length(device_name), 0)"

// size returns the bytes by which the workout counts. Two texts are in an index
// too.
func (r *workoutRow) size() int64 {
	n := workoutOverhead + 2*(len(r.Provider)+len(r.ExternalID)) + len(r.Type)
	for _, s := range []*string{r.Name, r.ZoneOffset, r.Source.Source, r.Device, r.DeviceType, r.DeviceName} {
		n += len(text(s))
	}
	return int64(n)
}

// usageOf returns what the rows take.
func usageOf(rows []workoutRow) event.Usage {
	u := event.Usage{Workouts: int64(len(rows))}
	for i := range rows {
		u.Bytes += rows[i].size()
	}
	return u
}

// usageRow is what the row of a user says of the user's workouts.
type usageRow struct {
	bun.BaseModel     `bun:"table:users,alias:u"`
	Workouts          int64
	WorkoutBytes      int64
	WorkoutsCountedAt *time.Time
	LastSyncedAt      *time.Time
}

var usageByUser = selecting[usageRow]("id = ?")

// usage returns what the user keeps, and keeps others from changing it. It counts
// anew what another release has written.
func (t *tx) usage(ctx context.Context, userID string) (event.Usage, error) {
	row, err := find(ctx, &t.reader, usageByUser, userID)
	if err != nil {
		return event.Usage{}, err
	}
	if row.LastSyncedAt == nil || row.WorkoutsCountedAt != nil && row.WorkoutsCountedAt.Equal(*row.LastSyncedAt) {
		return event.Usage{Workouts: row.Workouts, Bytes: row.WorkoutBytes}, nil
	}
	return t.countWorkouts(ctx, "workouts WHERE user_id = ?", userID)
}

// countWorkouts returns what the workouts of a FROM clause take.
func (t *tx) countWorkouts(ctx context.Context, from string, args ...any) (u event.Usage, err error) {
	err = t.db.NewRaw("SELECT count(*), CAST(coalesce(sum("+workoutSize+"), 0) AS BIGINT) FROM "+from, args...).
		Conn(t.conn).Scan(ctx, &u.Workouts, &u.Bytes)
	return u, t.fail(ctx, err)
}

// replacedBy returns what the user's workouts take that the rows replace.
func (t *tx) replacedBy(ctx context.Context, userID string, rows []workoutRow) (event.Usage, error) {
	var all event.Usage
	for chunk := range slices.Chunk(rows, 200) { // a statement stays under SQLite's 1 MB
		args := make([]any, 0, 2*len(chunk)+1)
		for i := range chunk {
			args = append(args, chunk[i].Provider, chunk[i].ExternalID)
		}
		// A join, because SQLite does not look a list of pairs up in the index.
		some, err := t.countWorkouts(ctx, "(VALUES (?, ?)"+strings.Repeat(", (?, ?)", len(chunk)-1)+") AS v "+
			"JOIN workouts ON user_id = ? AND provider = v.column1 AND external_id = v.column2", append(args, userID)...)
		if err != nil {
			return all, err
		}
		all.Workouts += some.Workouts
		all.Bytes += some.Bytes
	}
	return all, nil
}

// setUsage stores what the user keeps.
func (t *tx) setUsage(ctx context.Context, userID string, u event.Usage) error {
	return t.execOne(ctx, t.updateUsage(userID, u).Set("workouts_counted_at = last_synced_at"))
}

func (t *tx) updateUsage(userID string, u event.Usage) *bun.UpdateQuery {
	return t.db.NewUpdate().Conn(t.conn).Model((*userRow)(nil)).Where("id = ?", userID).
		Set("workouts = ?, workout_bytes = ?", u.Workouts, u.Bytes)
}
