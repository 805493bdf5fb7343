package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// roleOn makes a role that may connect to the database, and returns its name and
// its DSN.
func roleOn(t *testing.T, dsn string, statements ...string) (role, as string) {
	t.Helper()
	role, password := "role_"+strings.ToLower(rand.Text()), rand.Text()
	u := must(url.Parse(dsn))(t)
	all := []string{"CREATE ROLE " + role + " LOGIN PASSWORD '" + password + "'"}
	for _, s := range statements {
		all = append(all, strings.ReplaceAll(s, "ROLE_", role))
	}
	if err := pgtest.Shared(t).Exec(t.Context(), strings.TrimPrefix(u.Path, "/"), all...); err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, password)
	return role, u.String()
}

// Where one role migrates and another serves, the one that serves is told which
// rights it lacks, and serves with them.
func TestPostgresRolesThatServeOnly(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	must(Migrate(t.Context(), dsn, Options{}))(t)
	role, as := roleOn(t, dsn)
	s, err := Open(t.Context(), as, Options{})
	if err == nil {
		t.Fatal("opened without rights, ", s.Close())
	}
	for _, says := range []string{"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public", "developers, ", "migrations"} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not in: %v", says, err)
		}
	}
	name := strings.TrimPrefix(must(url.Parse(dsn))(t).Path, "/")
	if err := pgtest.Shared(t).Exec(t.Context(), name, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role); err != nil {
		t.Fatal(err)
	}
	everythingComesBack(t, openStore(t, as, Options{}).unhurried())
}

func TestPostgresReadOnlyDatabasesAreRefused(t *testing.T) {
	t.Parallel()
	_, as := roleOn(t, pgtest.New(t), "ALTER ROLE ROLE_ SET default_transaction_read_only = on")
	s, err := Open(t.Context(), as, Options{})
	if err == nil {
		t.Fatal("opened, ", s.Close())
	}
	if !strings.Contains(err.Error(), "default_transaction_read_only = off") {
		t.Error(err)
	}
}

// Calls queue for the connections that a role may have.
func TestPostgresFewConnectionsAreShared(t *testing.T) {
	t.Parallel()
	_, as := roleOn(t, pgtest.New(t), "GRANT CREATE ON SCHEMA public TO ROLE_", "ALTER ROLE ROLE_ CONNECTION LIMIT 2")
	s := openStore(t, as, Options{}).unhurried()
	var refused atomic.Int32
	var all sync.WaitGroup
	for range 96 {
		all.Go(func() {
			if err := s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) }); err != nil {
				refused.Add(1)
			}
		})
	}
	all.Wait()
	wantEqual(t, refused.Load(), 0)
}

// lines is a log that a test reads while it is written.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) has(text string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.all.String(), text)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.all.String(), text)
}

// A start that waits for another process that migrates says so, and what ends it
// is an error that says where it was.
func TestPostgresWaitForAMigrationIsSaid(t *testing.T) {
	t.Parallel()
	dsn, log := pgtest.New(t), &lines{}
	db := must(sql.Open("pgx", dsn))(t)
	defer db.Close()
	other := must(db.Conn(t.Context()))(t)
	defer other.Close()
	if _, err := other.ExecContext(t.Context(), "SELECT pg_advisory_lock("+migrationLock+")"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		s, err := Open(ctx, dsn, Options{Log: slog.New(slog.NewTextHandler(log, nil))})
		if err == nil {
			err = s.Close()
		}
		ended <- err
	}()
	begun := time.Now()
	eventually(t, "said", func() bool { return log.has("another process migrates") })
	t.Logf("said after %v", time.Since(begun))
	cancel()
	err := receive(t, ended)
	if err == nil || !strings.Contains(err.Error(), "was given up") || strings.Contains(err.Error(), "closed") {
		t.Errorf("the start ended with %v", err)
	}
}
