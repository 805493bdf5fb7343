package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/store"
)

// secretSuffix ends the name of the file beside the database.
const secretSuffix = ".secret"

// masterSecret returns the configured secret or the one in the file beside the
// database, which is made on the first start, readable by its owner alone.
func masterSecret(c *Config) ([]byte, error) {
	if len(c.Secret) > 0 {
		return c.Secret, nil
	}
	path := c.SQLitePath() + secretSuffix
	kept, err := os.ReadFile(path)
	if err == nil {
		return bytes.TrimSpace(kept), CheckPrivate(path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	made := base64.RawStdEncoding.AppendEncode(nil, random)
	return made, writeNewFile(path, made)
}

// writeNewFile writes a file that did not exist, durably and whole: a crash leaves
// all of it or nothing under its name.
func writeNewFile(path string, data []byte) error {
	f, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// CheckPrivate refuses a file that others than its owner may read.
func CheckPrivate(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s can be read by others: run chmod 600 %s, and rotate what it protects if others had access", path, path)
	}
	return nil
}

// openVault derives the keys, and refuses a secret that is not the one the
// database was made with.
func openVault(ctx context.Context, master []byte, s *store.Store) (*credential.Vault, error) {
	vault, err := credential.NewVault(master)
	if err != nil {
		return nil, fmt.Errorf("OPENWEARABLES_SECRET: %w", err)
	}
	kept, err := s.SetMeta(ctx, "secret_fingerprint", vault.Fingerprint())
	if err == nil && kept != vault.Fingerprint() {
		err = errors.New("OPENWEARABLES_SECRET is not the secret that this database was made with: " +
			"restore that secret, or start with an empty database")
	}
	return vault, err
}

// VerifySecret makes sure that the master secret at hand is the one of the
// database, and returns the file that it is in, if any.
func VerifySecret(ctx context.Context, config Config) (file string, err error) {
	master := config.Secret
	if len(master) == 0 {
		file = config.SQLitePath() + secretSuffix
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
	_, err = openVault(ctx, master, s)
	return file, err
}
