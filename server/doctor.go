package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/openwearables/openwearables/internal/store"
)

// Migrate brings the database up to this version and returns what it applied.
// No other process may have a SQLite database open; those that serve a
// PostgreSQL database go on.
func Migrate(ctx context.Context, config Config) (applied []string, err error) {
	lock, err := lockDatabase(config.file())
	if err != nil {
		return nil, err
	}
	if lock != nil {
		defer func() { err = errors.Join(err, lock.Unlock()) }()
	}
	return store.Migrate(ctx, config.Database, store.Options{Now: config.Now, Log: config.Log})
}

// Diagnose checks an installation, changes nothing in it but what a start
// would, and writes what it found. It returns an error if a start would fail
// or something is unsafe.
func Diagnose(ctx context.Context, w io.Writer, config Config) error {
	failed := 0
	report := func(name string, err error) {
		if err != nil {
			failed++
			fmt.Fprintf(w, "wrong  %s: %v\n", name, err)
			return
		}
		fmt.Fprintf(w, "ok     %s\n", name)
	}
	report("configuration", config.check())
	if path := config.file(); path == "" {
		risks, err := risks(ctx, config)
		report("database, secret and keys", err)
		for _, risk := range risks {
			report("durability", errors.New(risk))
		}
	} else if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		report("database: there is none at "+path+" yet, a start makes it", nil)
	} else {
		for _, end := range []string{"", "-wal", ".secret", ".sock"} {
			if _, err := os.Lstat(path + end); err == nil {
				report("only its owner reaches "+path+end, private(path+end))
			}
		}
		report("database, secret and keys", openable(ctx, config))
	}
	if failed > 0 {
		return fmt.Errorf("%d of the checks failed", failed)
	}
	return nil
}

// risks opens the database as a start would, and says under which of its
// settings writes may be lost.
func risks(ctx context.Context, config Config) ([]string, error) {
	config.Log, config.Auth.SigningAlgorithm = nil, ""
	s, err := New(ctx, config)
	if err != nil {
		return nil, err
	}
	return s.store.Risks(), s.Close()
}

// openable says whether the server would start, or runs already and answers.
func openable(ctx context.Context, config Config) error {
	_, err := Execute(ctx, config, Command{Name: DeveloperList})
	return err
}
