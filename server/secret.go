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
	"github.com/openwearables/openwearables/internal/privatefile"
	"github.com/openwearables/openwearables/internal/store"
)

// secretSuffix follows the path of the database in the name of the secret file.
const secretSuffix = ".secret"

// maxSecretFile is the size of the largest secret file that is read, in bytes.
const maxSecretFile = 64 << 10

// masterSecret returns the configured secret, or else the one in the file beside
// the database. The first start creates that file, readable by its owner only.
func masterSecret(c *Config) ([]byte, error) {
	if len(c.Secret) > 0 {
		return c.Secret, nil
	}
	path := c.SQLitePath() + secretSuffix
	kept, err := readSecret(path)
	if err == nil {
		return kept, nil
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

// readSecret returns the secret in the file at path. It refuses a file that
// others may read or could have put there.
func readSecret(path string) ([]byte, error) {
	kept, err := privatefile.ReadSecret(path, maxSecretFile)
	return bytes.TrimSpace(kept), err
}

// SecretFile is a file that holds a setting, and the name of the flag that names it.
type SecretFile struct{ Flag, Path string }

// ReadSecretFile returns the setting in a file that a supervisor put there, without the
// space around it, and keeps the names, for errors and [Config.Warnings]. It refuses a
// file that everybody may change or replace.
func (c *Config) ReadSecretFile(flag, path string) (string, error) {
	content, err := privatefile.ReadMounted(path, maxSecretFile)
	if err != nil {
		return "", fmt.Errorf("--%s: %w", flag, err)
	}
	text := string(bytes.TrimSpace(content))
	if text == "" {
		return "", fmt.Errorf("--%s: %s is empty", flag, path)
	}
	c.SecretFiles = append(c.SecretFiles, SecretFile{flag, path})
	return text, nil
}

// secretName returns the name of the setting that the master secret came from.
func (c *Config) secretName() string {
	for _, f := range c.SecretFiles {
		if f.Flag == "secret-file" {
			return "--secret-file " + f.Path
		}
	}
	return "OPENWEARABLES_SECRET"
}

// writeNewFile creates a file durably and atomically: after a crash it is
// complete or absent. It removes what a crash left of an earlier attempt, and
// never writes into a file that it did not create.
func writeNewFile(path string, data []byte) error {
	attempt := path + ".new"
	if err := os.Remove(attempt); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := privatefile.Create(attempt)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(attempt, path); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// openVault derives the keys from the master secret. It refuses a secret other
// than the one that the database was created with.
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

// Vault returns the vault of the configured secret, or else of the one in the file
// beside the database, which must be there.
func Vault(config Config) (*credential.Vault, error) {
	master := config.Secret
	if len(master) == 0 && config.SQLitePath() != "" {
		var err error
		if master, err = readSecret(config.SQLitePath() + secretSuffix); err != nil {
			return nil, fmt.Errorf("the master secret is needed: set OPENWEARABLES_SECRET or --secret-file, or bring back its file (%w)", err)
		}
	}
	vault, err := credential.NewVault(master)
	if err != nil {
		return nil, fmt.Errorf("OPENWEARABLES_SECRET: %w", err)
	}
	return vault, nil
}

// VerifySecret checks that the configured secret, or else the one in the file
// beside the database, is the secret of the database. It returns the path of
// that file, or "" if the secret is configured.
func VerifySecret(ctx context.Context, config Config) (file string, err error) {
	master := config.Secret
	if len(master) == 0 {
		file = config.SQLitePath() + secretSuffix
		if master, err = readSecret(file); err != nil {
			return "", fmt.Errorf("the master secret is needed to prove that the copy will work: set OPENWEARABLES_SECRET or --secret-file, or bring back its file (%w)", err)
		}
	}
	s, err := store.Open(ctx, config.Database, store.Options{Log: config.Log})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	_, err = openVault(ctx, master, s)
	return file, err
}
