package store

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/event"
	"github.com/openwearables/openwearables/internal/problem"
)

// TestMain is also the program that the tests of crashes and of concurrent
// starts run in other processes.
func TestMain(m *testing.M) {
	if dsn := os.Getenv("STORE_HELPER_DSN"); dsn != "" {
		if err := helper(os.Getenv("STORE_HELPER"), dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(pgtest.Main{M: m})
}

// dsns makes an empty database of each engine that the suite runs on.
var dsns = map[string]func(testing.TB) string{
	"sqlite":   sqliteDSN,
	"postgres": func(t testing.TB) string { return newPlanted(t) + "&statement_timeout=60000&connect_timeout=60" },
}

// unhurried gives the store time limits for a machine that is busy with other
// tests.
func (s *Store) unhurried() *Store {
	s.busy.patience = time.Minute
	switch b := s.backend.(type) {
	case *pgPool:
		b.acquireTimeout, b.callTimeout, b.sharePatience = time.Minute, time.Minute, time.Minute
		b.scans.patience, b.bulk.patience = time.Minute, time.Minute
	case *file:
		b.callTimeout = time.Minute
		b.scans.patience, b.bulkTurns.patience = time.Minute, time.Minute
	}
	return s
}

func sqliteDSN(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") }

// onEach runs a test on an empty store of each engine.
func onEach(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, openStore(t, dsn(t), Options{}).unhurried())
		})
	}
}

// onEachAt is onEach with a clock that the test moves.
func onEachAt(t *testing.T, start time.Time, test func(t *testing.T, s *Store, now *time.Time)) {
	t.Parallel()
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start
			test(t, openStore(t, dsn(t), Options{Now: func() time.Time { return now }}).unhurried(), &now)
		})
	}
}

// onSQLite runs a test of what only SQLite does.
func onSQLite(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Parallel()
	test(t, openStore(t, sqliteDSN(t), Options{}))
}

func openStore(t testing.TB, dsn string, o Options) *Store {
	t.Helper()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s, err := Open(context.Background(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// write runs f in a transaction that must succeed.
func (s *Store) write(t testing.TB, f func(ctx context.Context, tx auth.Tx) error) {
	t.Helper()
	if err := s.Write(context.Background(), f); err != nil {
		t.Fatal(err)
	}
}

// try runs f in a transaction and returns its error.
func (s *Store) try(f func(ctx context.Context, tx auth.Tx) error) error {
	return s.Write(context.Background(), f)
}

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}

func wantUnavailable(t testing.TB, err error) {
	t.Helper()
	if e, ok := errors.AsType[*problem.Error](err); !ok || e.Kind != problem.Unavailable {
		t.Fatalf("error %v, want Unavailable", err)
	}
}

func wantEqual[T any](t testing.TB, got, want T) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

// fill sets every member of a struct to some value that is not zero; pointers
// are set or nil as set says.
func fill[T any](set bool) (v T) {
	fillValue(reflect.ValueOf(&v).Elem(), set)
	return v
}

func fillValue(v reflect.Value, set bool) {
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.UnixMicro(1 + rand.Int64N(4e15)).UTC()))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, f := range v.Fields() {
			fillValue(f, set)
		}
	case reflect.Pointer:
		if set {
			v.Set(reflect.New(v.Type().Elem()))
			fillValue(v.Elem(), set)
		}
	case reflect.String:
		v.SetString("it's ☃ \"?\" \\ " + crand.Text())
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(1 + rand.Int64N(1<<31-1))
	case reflect.Float64:
		v.SetFloat(rand.Float64() * 1e9)
	case reflect.Array:
		for i := range v.Len() {
			v.Index(i).SetUint(uint64(rand.UintN(256)))
		}
	case reflect.Slice:
		n := 1 + rand.IntN(5)
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		for i := range n {
			if e := v.Index(i); e.Kind() == reflect.Uint8 {
				e.SetUint(uint64(rand.UintN(256)))
			} else {
				fillValue(e, set)
			}
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

// Rows as the domain makes them.

var epoch = time.Date(2026, 3, 7, 10, 30, 0, 0, time.UTC)

func ptr[T any](v T) *T { return &v }

func newDeveloper() auth.StoredDeveloper {
	id := uuid.NewString()
	return auth.StoredDeveloper{
		Developer:    auth.Developer{ID: id, Email: id + "@example.com", CreatedAt: epoch, UpdatedAt: epoch},
		PasswordHash: "$argon2id$",
	}
}

func newUser() auth.User { return auth.User{ID: uuid.NewString(), CreatedAt: epoch} }

func newUserSession(userID string) auth.StoredSession {
	return auth.StoredSession{
		ID: uuid.NewString(), UserID: userID, AppID: "app_1", Seed: []byte{1}, Generation: 1,
		RotatedAt: epoch, CreatedAt: epoch, LastUsedAt: epoch,
		ExpiresAt: epoch.AddDate(100, 0, 0), EndsAt: epoch.AddDate(100, 0, 0),
	}
}

func newKey() auth.StoredKey {
	return auth.StoredKey{
		Key: auth.Key{
			ID: "key_" + crand.Text(), Name: "Default", KeyPrefix: "ow_live_abcd", Environment: "live",
			Scopes: []string{"users:read"}, Enabled: true, CreatedBy: uuid.NewString(), CreatedAt: epoch,
		},
		Hash: fill[credential.Hash](true),
	}
}

func newEvent(subject string) audit.Event {
	return audit.Event{At: epoch, Action: audit.KeyCreate, Outcome: audit.OK, Actor: "operator", Subject: subject}
}

func newWorkout(provider, externalID string, start time.Time) event.Workout {
	return event.Workout{
		ExternalID: externalID, Type: "running", StartTime: start, EndTime: start.Add(time.Hour),
		DurationSeconds: 3600, Source: event.Source{Provider: provider},
	}
}

// addUser stores a new user.
func (s *Store) addUser(t testing.TB) auth.User {
	t.Helper()
	u := newUser()
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
	return u
}

// addSession stores a new session of a new user.
func (s *Store) addSession(t testing.TB) auth.StoredSession {
	t.Helper()
	row := newUserSession(s.addUser(t).ID)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, row) })
	return row
}

// fileOf is the file of an SQLite database.
func fileOf(dsn string) string { return strings.TrimPrefix(dsn, "sqlite:") }
