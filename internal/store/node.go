package store

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/failpoint"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/cluster"
)

var _ cluster.Registry = (*Store)(nil)

const (
	maxNodes = 1000 // that are read
	// nodesKept is how long the row of a node that did not withdraw is kept.
	nodesKept = time.Hour
)

type nodeRow struct {
	bun.BaseModel `bun:"table:nodes,alias:n"`
	cluster.Node
}

// databaseNow is the database's time in microseconds. A clock that a test gave to
// this process does not count.
const databaseNow = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"

// Announce implements cluster.Registry, on PostgreSQL. The row is committed
// before the others are read, so that of two nodes that announce themselves at
// the same time at least one gets the other.
func (s *Store) Announce(ctx context.Context, n cluster.Node) ([]cluster.Node, error) {
	err := s.do(failpoint.Background(ctx), func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.insert(&nodeRow{Node: n}).Value("seen_at", databaseNow).
			On("CONFLICT (id) DO UPDATE SET lost = excluded.lost, seen_at = excluded.seen_at"))
		return err
	})
	if err != nil {
		return nil, err
	}
	rows, err := few[nodeRow](ctx, s.reader, "n.id", func(q *bun.SelectQuery) {
		q.Where("n.id <> ? AND n.seen_at > "+databaseNow+" - ?", n.ID, cluster.NodeLife.Microseconds()).Limit(maxNodes)
	})
	return each(rows, err, func(row *nodeRow) cluster.Node { return row.Node })
}

// Withdraw implements cluster.Registry.
func (s *Store) Withdraw(ctx context.Context, id string) error {
	return s.do(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.db.NewDelete().Conn(t.conn).Model((*nodeRow)(nil)).Where("id = ?", id))
		return err
	})
}
