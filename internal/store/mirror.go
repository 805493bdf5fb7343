package store

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
)

type mirrorTaskRow struct {
	bun.BaseModel `bun:"table:mirror_tasks,alias:m"`
	auth.MirrorTask
}

var mirrorTaskByID = selecting[mirrorTaskRow]("id = ?")

// MirrorTask implements auth.Reader.
func (r *reader) MirrorTask(ctx context.Context, id string) (auth.MirrorTask, error) {
	row, err := find(ctx, r, mirrorTaskByID, id)
	return row.MirrorTask, err
}

// DueMirrorTasks implements auth.Reader.
func (r *reader) DueMirrorTasks(ctx context.Context, now time.Time, limit int) ([]auth.MirrorTask, error) {
	rows, err := few[mirrorTaskRow](ctx, r, "until, id", func(q *bun.SelectQuery) { q.Where("until <= ?", now).Limit(int64(limit)) })
	return each(rows, err, func(row *mirrorTaskRow) auth.MirrorTask { return row.MirrorTask })
}

// CountMirrorTasks implements auth.Reader.
func (r *reader) CountMirrorTasks(ctx context.Context) (int, error) {
	var n int64
	err := r.use(ctx, func(ctx context.Context, on executor) (err error) {
		n, err = r.db.NewSelect().Conn(on).Model((*mirrorTaskRow)(nil)).Count(ctx)
		return err
	})
	return int(n), r.fail(ctx, err)
}

// PutMirrorTask implements auth.Tx.
func (t *tx) PutMirrorTask(ctx context.Context, m auth.MirrorTask) error {
	_, err := t.exec(ctx, t.insert(&mirrorTaskRow{MirrorTask: m}).On("CONFLICT (id) DO UPDATE SET action = excluded.action, actor = excluded.actor, "+
		"worker = excluded.worker, until = excluded.until, attempts = excluded.attempts, created_at = excluded.created_at"))
	return err
}

// DeleteMirrorTask implements auth.Tx.
func (t *tx) DeleteMirrorTask(ctx context.Context, id string) error {
	return remove[mirrorTaskRow](ctx, t, "id", id)
}
