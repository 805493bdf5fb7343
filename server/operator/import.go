package operator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/importer"
	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/control"
)

// Import imports what the Open Wearables backend with the database at from has, and
// writes a report to w, of each odd row as it is met. Unless apply is set, it only says
// what it would do; a database that is not there yet is then not made. The database of
// config may be served meanwhile. One that was interrupted may be run again, and a later
// one brings what has changed since. An error is a message for the operator.
func Import(ctx context.Context, w io.Writer, config server.Config, from string, apply bool) (err error) {
	source, err := importer.Open(ctx, from)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close(context.WithoutCancel(ctx))) }()
	if path := config.SQLitePath(); path != "" && !apply {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			folder, err := os.MkdirTemp("", "openwearables")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
			config.Database = "sqlite:" + filepath.Join(folder, "dry-run.db")
		}
	}
	into, err := openTarget(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, into.close()) }()
	return (&migration{source: source, into: into, dry: !apply, w: w, totals: map[string]*total{}}).run(ctx)
}

// target is the installation that is written to: in this process or, if path is set, by
// the process that serves its SQLite database.
type target struct {
	server *server.Server
	path   string
	lag    time.Duration // until every node knows of an end
}

func openTarget(ctx context.Context, config server.Config) (*target, error) {
	config.Auth.SigningAlgorithm = ""
	config.Command = true
	s, err := server.New(ctx, config)
	if errors.Is(err, server.ErrInUse) {
		return &target{path: control.SocketPath(config.SQLitePath())}, nil
	} else if err != nil {
		return nil, err
	}
	t := &target{server: s}
	if config.SQLitePath() == "" {
		t.lag = cluster.Lease + leaseMargin
	}
	return t, nil
}

// do runs one step. After ErrNoAnswer a server has just begun or ended: that is for the
// operator to see.
func (t *target) do(ctx context.Context, c control.ImportCommand) (auth.ImportResult, error) {
	if t.server == nil {
		return control.SendImport(ctx, t.path, c)
	}
	return c.Execute(ctx, t.server.Auth())
}

func (t *target) close() error {
	if t.server == nil {
		return nil
	}
	return t.server.Close()
}

// total is what was done with the rows of one kind.
type total struct {
	new, changed, same, ended, odd int
	again                          bool       // some were imported before
	seen                           [][16]byte // if so, digests of the ids of those that are there
}

// migration is one run of an import.
type migration struct {
	source *importer.Source
	into   *target
	dry    bool
	w      io.Writer
	totals map[string]*total
}

func (m *migration) run(ctx context.Context) error {
	fmt.Fprintf(m.w, "An Open Wearables database of %s, as it was at %s.\n\n", m.source.Generation(), m.source.ReadAt().Format(time.RFC3339))
	if err := m.refuseAnother(ctx); err != nil {
		return err
	}
	for _, kind := range auth.ImportKinds {
		if err := m.bring(ctx, kind); err != nil {
			return m.stopped(err)
		}
	}
	ended := 0
	for _, kind := range slices.Backward(auth.ImportKinds) {
		if err := m.end(ctx, kind); err != nil {
			return m.stopped(err)
		}
		ended += m.totals[kind].ended
	}
	if ended > 0 && !m.dry {
		time.Sleep(m.into.lag)
	}
	return m.report(ctx)
}

func (m *migration) stopped(err error) error {
	if m.dry {
		return err
	}
	return fmt.Errorf("%w; what was imported until then is whole: run this again, and it goes on", err)
}

// bring imports all rows of the kind.
func (m *migration) bring(ctx context.Context, kind string) error {
	t := new(total)
	m.totals[kind] = t
	err := m.imported(ctx, kind, func([]string) error { t.again = true; return errEnough })
	if err != nil && !errors.Is(err, errEnough) {
		return err
	}
	return m.source.Read(ctx, kind, func(b auth.ImportBatch, odd []auth.OddRow) error {
		b.DryRun = m.dry
		r, err := m.into.do(ctx, control.ImportCommand{Batch: b})
		if err != nil {
			return err
		}
		for _, id := range r.IDs {
			if t.again {
				t.seen = append(t.seen, digestOf(id))
			}
		}
		m.add(t, r, odd)
		return nil
	})
}

func (m *migration) add(t *total, r auth.ImportResult, odd []auth.OddRow) {
	t.new, t.changed, t.same, t.ended = t.new+r.New, t.changed+r.Changed, t.same+r.Same, t.ended+r.Ended
	for _, o := range slices.Concat(odd, r.Odd) {
		t.odd++
		fmt.Fprintf(m.w, "odd  %s %s %s\n", o.Kind, o.ID, o.What)
	}
}

// digestOf shortens an id, by which a large number of them is remembered.
func digestOf(id string) [16]byte { return uuid.NewSHA1(uuid.Nil, []byte(id)) }

// refuseAnother refuses a database that has none of the developers whom an earlier import
// has brought: everything else that was imported would seem to be gone.
func (m *migration) refuseAnother(ctx context.Context) error {
	known := false
	err := m.imported(ctx, auth.ImportedDeveloper, func(ids []string) error {
		there, err := m.source.HasDeveloper(ctx, ids)
		if err == nil && there {
			return errEnough
		}
		known = true
		return err
	})
	if errors.Is(err, errEnough) {
		return nil
	}
	if err == nil && known {
		err = errors.New("no developer of an earlier import is in this database: it is another one, and what was imported before would be ended. Nothing was done")
	}
	return err
}

var errEnough = errors.New("operator: no more pages are needed")

// imported calls visit with the ids of what was imported of the kind, page by page.
func (m *migration) imported(ctx context.Context, kind string, visit func(ids []string) error) error {
	for after := ""; ; {
		r, err := m.into.do(ctx, control.ImportCommand{Batch: auth.ImportBatch{Kind: kind}, After: &after})
		if err != nil || len(r.IDs) == 0 {
			return err
		}
		after = r.IDs[len(r.IDs)-1]
		if err := visit(r.IDs); err != nil {
			return err
		}
	}
}

func compareDigests(a, b [16]byte) int { return slices.Compare(a[:], b[:]) }

// end ends here what was imported before and is gone there.
func (m *migration) end(ctx context.Context, kind string) error {
	t := m.totals[kind]
	if !t.again {
		return nil
	}
	slices.SortFunc(t.seen, compareDigests)
	return m.imported(ctx, kind, func(ids []string) error {
		gone := slices.DeleteFunc(ids, func(id string) bool {
			_, there := slices.BinarySearchFunc(t.seen, digestOf(id), compareDigests)
			return there
		})
		for some := range slices.Chunk(gone, auth.MaxImportBatch) {
			r, err := m.into.do(ctx, control.ImportCommand{Batch: auth.ImportBatch{Kind: kind, DryRun: m.dry, Gone: some}})
			if err != nil {
				return err
			}
			m.add(t, r, nil)
		}
		return nil
	})
}

// titles are the kinds as the report names them.
var titles = map[string]string{
	auth.ImportedDeveloper: "developers", auth.ImportedUser: "users", auth.ImportedApplication: "applications",
	auth.ImportedKey: "API keys", auth.ImportedSession: "refresh tokens", auth.ImportedInvitation: "invitations",
	auth.ImportedPairing: "pairing codes",
}

func (m *migration) report(ctx context.Context) error {
	odd := 0
	for _, t := range m.totals {
		odd += t.odd
	}
	if odd > 0 {
		fmt.Fprintln(m.w)
	}
	table := tabwriter.NewWriter(m.w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tNEW\tCHANGED\tTHE SAME\tENDED\tODD")
	for _, kind := range auth.ImportKinds {
		t := m.totals[kind]
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\n", titles[kind], t.new, t.changed, t.same, t.ended, t.odd)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	left, err := m.source.LeftOut(ctx)
	if err != nil {
		return err
	}
	for _, l := range left {
		fmt.Fprintf(m.w, "left out: %d %s\n", l.Rows, l.What)
	}
	done := "All of it is here. Run this again after the last client has moved, and close the backend to everybody else."
	if m.dry {
		done = "Nothing was written. Say --apply to do it."
	}
	_, err = fmt.Fprintln(m.w, "\n"+done)
	return err
}
