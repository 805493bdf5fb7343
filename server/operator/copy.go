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

// CopyResult says what Copy copied.
type CopyResult struct {
	Tables []store.Copied
	// SecretFile is the file with the master secret that the copy needs as
	// OPENWEARABLES_SECRET, or "" if the secret is configured already.
	SecretFile string
}

// Copy copies the SQLite database of config into an empty PostgreSQL database.
// With the same master secret, every credential stays valid there. Copy holds
// the lock of the SQLite database meanwhile. Do not serve it afterwards: the
// copy would miss the changes.
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
