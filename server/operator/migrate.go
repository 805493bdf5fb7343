package operator

import (
	"context"
	"errors"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// Migrate brings the database up to this version and returns what it applied.
// No other process may have a SQLite database open; those that serve a
// PostgreSQL database go on.
func Migrate(ctx context.Context, config server.Config) (applied []string, err error) {
	unlock, err := server.LockDatabase(config.SQLitePath())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return store.Migrate(ctx, config.Database, store.Options{Now: config.Now, Log: config.Log})
}
