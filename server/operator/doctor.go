package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/control"
)

// Diagnose checks an installation and writes its findings to w. It changes only
// what a start would change. It returns an error if a start would fail or
// something is unsafe. A setting that is probably a mistake is a warning only.
func Diagnose(ctx context.Context, w io.Writer, config server.Config) error {
	failed := 0
	report := func(name string, err error) {
		if err != nil {
			failed++
			fmt.Fprintf(w, "wrong  %s: %v\n", name, err)
			return
		}
		fmt.Fprintf(w, "ok     %s\n", name)
	}
	err := config.Check()
	report("configuration", err)
	if err == nil {
		for _, warning := range config.Warnings() {
			fmt.Fprintf(w, "warn   configuration: %s\n", warning)
		}
	}
	if path := config.SQLitePath(); path == "" {
		err := checkShared(ctx, config, report)
		report("database, secret and keys", err)
	} else if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		report("database: there is none at "+path+" yet, a start makes it", nil)
	} else {
		for _, f := range server.CheckFiles(path) {
			report(f.Rule, f.Err)
		}
		finished, err := store.CheckFile(ctx, path)
		report("no page of the database is damaged", err)
		if !finished {
			fmt.Fprintf(w, "warn   database: the check for damaged pages did not come to its end within a minute\n")
		}
		report("database, secret and keys", checkStart(ctx, config))
	}
	if failed > 0 {
		return fmt.Errorf("%d of the checks failed", failed)
	}
	return nil
}

// checkShared opens a PostgreSQL database as a start would. It reports the settings
// under which writes may be lost, and the roles that could run code as the server.
func checkShared(ctx context.Context, config server.Config, report func(string, error)) error {
	config.Log, config.Auth.SigningAlgorithm, config.Command = nil, "", true
	s, err := server.New(ctx, config)
	if err != nil {
		return err
	}
	for _, risk := range s.Risks() {
		report("durability", errors.New(risk))
	}
	for _, intruder := range s.Intruders() {
		report("other roles", errors.New(intruder))
	}
	return s.Close()
}

// checkStart returns nil if the server would start, or runs already and answers.
func checkStart(ctx context.Context, config server.Config) error {
	_, err := Execute(ctx, config, control.Command{Name: control.DeveloperList})
	return err
}
