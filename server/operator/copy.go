package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
)

// CopyResult is what Copy did.
type CopyResult struct {
	Tables []store.Copied
	// SecretFile holds the master secret that the copy needs as
	// OPENWEARABLES_SECRET; "" where that is set already.
	SecretFile string
}

// Copy copies the SQLite database of config into an empty PostgreSQL database,
// where every credential goes on working under the same master secret. No
// process may serve the SQLite database meanwhile, nor afterwards: what it
// changed would not be in the copy.
func Copy(ctx context.Context, config server.Config, to string) (copied CopyResult, err error) {
	path := config.SQLitePath()
	if path == "" {
		return copied, errors.New("--from must be sqlite:PATH")
	}
	target := server.Config{Database: to}
	if target.SQLitePath() != "" {
		return copied, errors.New("--to must be postgres://USER@HOST/NAME")
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return copied, fmt.Errorf("there is no database at %s: name it with --from", path)
	}
	unlock, err := server.LockDatabase(path)
	if err != nil {
		return copied, err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	if copied.SecretFile, err = server.VerifySecret(ctx, config); err != nil {
		return copied, err
	}
	copied.Tables, err = store.Copy(ctx, config.Database, to, store.Options{Log: config.Log})
	return copied, err
}
