package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/store"
)

// Moved is what Copy did.
type Moved struct {
	Tables []store.Copied
	// SecretFile holds the master secret that the copy needs as
	// OPENWEARABLES_SECRET; "" where that is set already.
	SecretFile string
}

// Copy copies the SQLite database of config into an empty PostgreSQL database,
// where every credential goes on working under the same master secret. No
// process may serve the SQLite database meanwhile, nor afterwards: what it
// changed would not be in the copy.
func Copy(ctx context.Context, config Config, to string) (moved Moved, err error) {
	path := config.file()
	if path == "" {
		return moved, errors.New("--from must be sqlite:PATH")
	}
	target := Config{Database: to}
	if target.file() != "" {
		return moved, errors.New("--to must be postgres://USER@HOST/NAME")
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return moved, fmt.Errorf("there is no database at %s: name it with --from", path)
	}
	lock, err := lockDatabase(path)
	if err != nil {
		return moved, err
	}
	defer func() { err = errors.Join(err, lock.Unlock()) }()
	if moved.SecretFile, err = provenSecret(ctx, config); err != nil {
		return moved, err
	}
	moved.Tables, err = store.Copy(ctx, config.Database, to, store.Options{Log: config.Log})
	return moved, err
}

// provenSecret makes sure that the master secret at hand is the one of the
// database, and returns the file that it is in, if any.
func provenSecret(ctx context.Context, config Config) (file string, err error) {
	master := config.Secret
	if len(master) == 0 {
		file = config.file() + secretSuffix
		if master, err = os.ReadFile(file); err != nil {
			return "", fmt.Errorf("the master secret is needed to prove that the copy will work: set OPENWEARABLES_SECRET, or bring back its file (%w)", err)
		}
		master = bytes.TrimSpace(master)
	}
	s, err := store.Open(ctx, config.Database, store.Options{Log: config.Log})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	vault, err := credential.NewVault(master)
	if err != nil {
		return "", fmt.Errorf("OPENWEARABLES_SECRET: %w", err)
	}
	return file, checkFingerprint(ctx, vault, s)
}
