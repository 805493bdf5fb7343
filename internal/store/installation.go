package store

import (
	"context"

	"github.com/openwearables/openwearables/internal/installation"
)

// countEverything counts workouts by what each user keeps, which is one row for each
// user and not for each workout.
const countEverything = `SELECT
	(SELECT count(*) FROM users),
	(SELECT CAST(COALESCE(sum(workouts), 0) AS BIGINT) FROM users),
	(SELECT count(*) FROM api_keys),
	(SELECT count(*) FROM applications),
	(SELECT count(*) FROM developers),
	(SELECT count(*) FROM alerts WHERE resolved_at IS NULL AND acknowledged_at IS NULL)`

// CountAll counts what the installation holds.
func (s *Store) CountAll(ctx context.Context) (n installation.Stats, err error) {
	err = s.scan(ctx, func(ctx context.Context, on executor) error {
		return s.db.NewRaw(countEverything).Conn(on).Scan(ctx, &n.Users, &n.Workouts, &n.Keys, &n.Applications, &n.Developers, &n.OpenAlerts)
	})
	return n, s.fail(ctx, err)
}
