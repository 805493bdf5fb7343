package store

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

// command returns the helper as another process on the database. It is killed
// at the end of the test, or after a while.
func command(t testing.TB, what, dsn string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	t.Cleanup(cancel)
	c := exec.CommandContext(ctx, os.Args[0])
	c.Env = append(os.Environ(), "STORE_HELPER="+what, "STORE_HELPER_DSN="+dsn)
	c.Stderr = os.Stderr
	return c
}

// helper is the program of the other process: it opens the store and ends, or
// it writes until it is killed and prints what was acknowledged.
func helper(what, dsn string) error {
	ctx := context.Background()
	if what == "migrate" {
		return migrateSlowly(ctx, dsn)
	}
	s, err := Open(ctx, dsn, Options{})
	if err != nil {
		return err
	}
	s.unhurried()
	if what == "bulk" {
		return s.crashBetweenParts(ctx)
	}
	if what == "start" {
		_, err := s.SetMeta(ctx, "pid", strconv.Itoa(os.Getpid()))
		return errors.Join(err, s.Close())
	}
	var all sync.WaitGroup
	errs := make(chan error, 16)
	for range cap(errs) {
		all.Go(func() { errs <- s.crashWriter(ctx) })
	}
	all.Wait()
	return <-errs
}

// crashWriter creates keys, increments the generation of its session, each with
// an event, and appends reads to the ledger. It prints each write that was
// acknowledged.
func (s *Store) crashWriter(ctx context.Context) error {
	row := newUserSession("")
	err := s.Write(ctx, func(ctx context.Context, tx auth.Tx) error {
		u := newUser()
		row.UserID, row.Generation = u.ID, 0
		return errors.Join(tx.InsertUser(ctx, u), tx.InsertSession(ctx, row))
	})
	for err == nil {
		k := newKey()
		err = s.Write(ctx, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertKey(ctx, k), tx.Record(ctx, newEvent("key:"+k.ID)))
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "key %s\n", k.ID)
		var generation int64
		err = s.Write(ctx, func(ctx context.Context, tx auth.Tx) error {
			r, err := tx.Session(ctx, row.ID)
			if err != nil {
				return err
			}
			r.Generation++
			generation = r.Generation
			return errors.Join(tx.UpdateSession(ctx, r), tx.Record(ctx, newEvent("session:"+row.ID)))
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "session %s %d\n", row.ID, generation)
		reads := make([]audit.Access, 1+rand.IntN(3))
		for j := range reads {
			reads[j] = audit.Access{UserID: row.UserID, At: epoch, Operation: "ListWorkouts"}
		}
		if err = s.AppendAccess(ctx, reads); err != nil {
			return err
		}
		fmt.Fprintf(os.Stdout, "reads %s %d\n", row.UserID, len(reads))
	}
	return err
}

// acknowledged is what a process printed before it was killed.
type acknowledged struct {
	keys     []string
	sessions map[string]int64
	reads    map[string]int
}

func (a *acknowledged) note(t *testing.T, line string) {
	f := strings.Fields(line)
	number := func() int {
		n, err := strconv.Atoi(f[2])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	switch f[0] {
	case "key":
		a.keys = append(a.keys, f[1])
	case "session":
		a.sessions[f[1]] = int64(number())
	case "reads":
		a.reads[f[1]] += number()
	default:
		t.Fatalf("the process said %q", line)
	}
}

// Whenever the process is killed, everything that it acknowledged is there,
// and everything that is there is whole.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	cycles := 8
	if n, err := strconv.Atoi(os.Getenv("STORE_CRASH_CYCLES")); err == nil {
		cycles = n
	}
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			said := acknowledged{sessions: map[string]int64{}, reads: map[string]int{}}
			for range cycles {
				killOnce(t, at, &said)
				if checkAfterKill(t, at, &said); t.Failed() {
					return
				}
			}
			t.Logf("%d kills; %d keys, %d sessions acknowledged", cycles, len(said.keys), len(said.sessions))
		})
	}
}

// killOnce runs the process and kills it at some instant after its first line.
func killOnce(t *testing.T, dsn string, said *acknowledged) {
	c := command(t, "write", dsn)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() {
		t.Fatal("the process said nothing: ", c.Wait())
	}
	said.note(t, lines.Text())
	kill := time.AfterFunc(time.Duration(rand.Int64N(int64(300*time.Millisecond))), func() { _ = c.Process.Kill() })
	defer kill.Stop()
	for lines.Scan() {
		said.note(t, lines.Text())
	}
	if err := c.Wait(); err == nil || c.ProcessState.Exited() {
		t.Fatalf("the process was not killed but ended: %v", err)
	}
}

func checkAfterKill(t *testing.T, dsn string, said *acknowledged) {
	s := openStore(t, dsn, Options{}).unhurried()
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, ok := s.backend.(*pgPool); ok {
		aloneOnPostgres(t, s.pools.readers)
	}
	recorded := map[string]int64{}
	for _, e := range must(s.Events(t.Context(), EventFilter{}))(t) {
		recorded[e.Subject]++
	}
	keys := map[string]bool{}
	for _, k := range must(s.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20}))(t) {
		keys[k.ID] = true
		if recorded["key:"+k.ID] != 1 {
			t.Errorf("key %s has %d events", k.ID, recorded["key:"+k.ID])
		}
	}
	for subject := range recorded {
		if id, ok := strings.CutPrefix(subject, "key:"); ok && !keys[id] {
			t.Errorf("an event is there and its key %s is not", id)
		}
	}
	for _, id := range said.keys {
		if !keys[id] {
			t.Errorf("key %s was acknowledged and is lost", id)
		}
	}
	for id, generation := range said.sessions {
		got := must(s.Session(t.Context(), id))(t).Generation
		if got < generation || got != recorded["session:"+id] {
			t.Errorf("session %s: generation %d, acknowledged %d, %d events", id, got, generation, recorded["session:"+id])
		}
	}
	for userID, n := range said.reads {
		entries := s.ledgerOf(t, userID)
		if err := verifyLedger(entries); err != nil || len(entries) < n {
			t.Errorf("ledger of %s: %d entries, acknowledged %d: %v", userID, len(entries), n, err)
		}
	}
	if _, ok := s.backend.(*file); !ok {
		return
	}
	var verdict string
	if err := s.pools.readers.QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %q, %v", verdict, err)
	}
}

// aloneOnPostgres waits until the server serves the database to the pool alone:
// it may still finish the commit of a process that was killed.
func aloneOnPostgres(t *testing.T, pool *sql.DB) {
	t.Helper()
	eventually(t, "rid of the killed process", func() bool {
		var serving int
		err := pool.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_stat_activity"+
			" WHERE datname = current_database() AND backend_type = 'client backend'").Scan(&serving)
		if err != nil {
			t.Fatal(err)
		}
		return serving <= pool.Stats().OpenConnections
	})
}
