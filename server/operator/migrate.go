package operator

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// Migrate migrates the database to the schema of this version and returns the
// names of the migrations applied. No other process may have a SQLite database
// open. Nodes on a PostgreSQL database keep running.
func Migrate(ctx context.Context, config server.Config) (applied []string, err error) {
	unlock, err := server.LockDatabase(config.SQLitePath())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return store.Migrate(ctx, config.Database, store.Options{Now: config.Now, Log: config.Log})
}
