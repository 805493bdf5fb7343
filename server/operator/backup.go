package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// Backup writes a snapshot of the SQLite database of config into a new file,
// without the master secret. The database may be served meanwhile.
func Backup(ctx context.Context, config server.Config, to string) error {
	path := config.SQLitePath()
	if path == "" {
		return errors.New("--database must be sqlite:PATH: back PostgreSQL up with pg_dump")
	}
	err := store.Backup(ctx, path, to)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("nothing was written: %w", err)
	}
	return err
}
