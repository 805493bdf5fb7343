package scenario_test

import (
	"slices"
	"strings"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// smallTables may be read whole: each has a bound that does not grow with the users.
var smallTables = []string{
	"alert_mutes", "alert_rules", // a setting each, at most a thousand mutes
	"developers", "invitations", "webhook_endpoints", // of a team
	"meta", "migrations", "nodes", "setup_tokens", "signing_keys", // a few
	"endings", "removals", // what a job takes the next of
}

// mayScan returns what the statements of all scenarios may read whole on PostgreSQL, nil
// where that is not asked. PostgreSQL is set to do so only where no index serves, so that
// a statement which would be slow on a million rows shows on three.
func mayScan() func(pgtest.Scan) bool {
	if !onPostgres() {
		return nil
	}
	return func(s pgtest.Scan) bool {
		return slices.Contains(smallTables, s.Table) || strings.HasPrefix(s.Table, "pg_") ||
			strings.HasPrefix(s.Statement, "-- serves: ") || // a migration
			strings.HasPrefix(s.Statement, "-- all of a small database") // a test
	}
}
