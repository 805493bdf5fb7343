package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/control"
)

// findings writes the results of checks and counts those that failed.
type findings struct {
	io.Writer
	failed int
}

// report writes that nothing is wrong with the named thing, or err.
func (f *findings) report(name string, err error) {
	if err != nil {
		f.failed++
		fmt.Fprintf(f, "wrong  %s: %v\n", name, err)
		return
	}
	fmt.Fprintf(f, "ok     %s\n", name)
}

// warn writes what is probably a mistake.
func (f *findings) warn(name, what string) { fmt.Fprintf(f, "warn   %s: %s\n", name, what) }

// err returns an error if a check failed.
func (f *findings) err() error {
	if f.failed > 0 {
		return fmt.Errorf("%d of the checks failed", f.failed)
	}
	return nil
}

// configuration checks the settings, and reports whether the server can use them.
func (f *findings) configuration(config *server.Config) bool {
	problems := config.Problems()
	for _, err := range problems {
		f.report("configuration", err)
	}
	if len(problems) > 0 {
		return false
	}
	f.report("configuration", nil)
	for _, warning := range config.Warnings() {
		f.warn("configuration", warning)
	}
	return true
}

// CheckSettings checks the settings of a server and the files that they name, and
// writes each finding to w. It connects to nothing, opens nothing for writing and
// changes nothing. It returns an error if a start would refuse what it found; whether
// the secret is that of the database, Diagnose tells.
func CheckSettings(w io.Writer, config server.Config) error {
	f := &findings{Writer: w}
	usable := f.configuration(&config)
	if config.SQLitePath() == "" && usable {
		f.report("PostgreSQL", store.CheckAddress(config.Database))
	}
	if config.Redis != "" {
		_, err := cluster.Address(config.Redis)
		f.report("Redis", err)
	}
	if path := config.SQLitePath(); path != "" && usable {
		for _, c := range server.CheckFiles(path) {
			if server.Refuses(c) || c.Err == nil {
				f.report(c.Rule, c.Err)
			} else {
				f.warn(c.Rule, c.Err.Error())
			}
		}
	}
	return f.err()
}

// Diagnose checks an installation and writes its findings to w. It changes only
// what a start would change. It returns an error if a start would fail or
// something is unsafe. A setting that is probably a mistake is a warning only. The
// upstream must be there and know this server, although a start goes on without it.
func Diagnose(ctx context.Context, w io.Writer, config server.Config) error {
	f := &findings{Writer: w}
	if f.configuration(&config) && config.Upstream.URL != "" {
		f.report("upstream", server.VerifyUpstream(ctx, config))
	}
	if path := config.SQLitePath(); path == "" {
		err := checkShared(ctx, config, f.report)
		f.report("database, secret and keys", err)
	} else if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		f.report("database: there is none at "+path+" yet, a start makes it", nil)
	} else {
		for _, c := range server.CheckFiles(path) {
			f.report(c.Rule, c.Err)
		}
		finished, err := store.CheckFile(ctx, path)
		f.report("no page of the database is damaged", err)
		if !finished {
			f.warn("database", "the check for damaged pages did not come to its end within a minute")
		}
		f.report("database, secret and keys", checkStart(ctx, config))
	}
	return f.err()
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
