package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// Restore replaces the SQLite database of config with the backup in a file. No
// process may serve the database. The master secret stays as it is: a start
// refuses one that is not of the backup.
func Restore(ctx context.Context, config server.Config, from string) (err error) {
	path := config.SQLitePath()
	if path == "" {
		return errors.New("--database must be sqlite:PATH: restore PostgreSQL with pg_restore")
	}
	unlock, err := server.LockDatabase(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if err := store.Restore(ctx, from, path); err != nil {
		return fmt.Errorf("%s is as it was: %w", path, err)
	}
	return nil
}
