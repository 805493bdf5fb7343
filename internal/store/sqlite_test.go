package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

func openSQLiteStore(t testing.TB) (*Store, string) {
	dsn := sqliteDSN(t)
	return openStore(t, dsn, Options{}), fileOf(dsn)
}

// pragma reads a setting of the connection that writes.
func (s *Store) pragma(t testing.TB, statement string) (value string) {
	t.Helper()
	err := s.do(context.Background(), func(ctx context.Context, t *tx) error {
		return t.db.NewRaw("PRAGMA "+statement).Conn(t.conn).Scan(ctx, &value)
	})
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// A commit reaches the disk, deleted data is overwritten, and foreign keys
// hold, on a replaced connection too.
func TestSQLitePragmasHoldOnEachConnection(t *testing.T) {
	t.Parallel()
	s, _ := openSQLiteStore(t)
	for range 2 {
		for pragma, want := range map[string]string{
			"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "secure_delete": "1",
		} {
			if got := s.pragma(t, pragma); got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
		s.loseConnection(t)
	}
}

// loseConnection makes the writer's next statement fail and its connection
// unusable.
func (s *Store) loseConnection(t testing.TB) {
	t.Helper()
	err := s.do(context.Background(), func(ctx context.Context, t *tx) error {
		_, err := t.exec(ctx, t.db.NewRaw("ROLLBACK").Conn(t.conn))
		return err
	})
	wantUnavailable(t, err)
}

// A transaction that SQLite rolled back by itself is refused with its whole
// batch, and the next one succeeds.
func TestLostTransactionIsRefusedWhole(t *testing.T) {
	t.Parallel()
	s, _ := openSQLiteStore(t)
	release := s.hold(t)
	wait := s.queue(t, 9, func(i int) error {
		return s.do(context.Background(), func(ctx context.Context, t *tx) error {
			if err := t.InsertUser(ctx, newUser()); err != nil || i != 4 {
				return err
			}
			_, err := t.exec(ctx, t.db.NewRaw("ROLLBACK").Conn(t.conn))
			return err
		})
	})
	release()
	for _, err := range wait() {
		wantUnavailable(t, err)
	}
	wantEqual(t, count(t, s, "users"), 0)
	s.addUser(t)
}

func TestSQLiteFileIsPrivate(t *testing.T) {
	t.Parallel()
	s, file := openSQLiteStore(t)
	s.addUser(t)
	for _, name := range []string{file, file + "-wal", file + "-shm"} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", filepath.Base(name), mode)
		}
	}
}

// A path is taken literally, not as a URI.
func TestSQLitePathIsNotAURI(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"a b?c=d#e%41&mode=memory.db", "ü☃.db", "./x.db", dir + "//y.db"} {
		s := openStore(t, "sqlite:"+name, Options{})
		s.addUser(t)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(name); err != nil || info.Size() == 0 {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestSQLiteRefusesOtherFiles(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(file, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err := Open(t.Context(), "sqlite:"+file, Options{}); err == nil {
		t.Fatal("opened: ", s.Close())
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	s, _ := openSQLiteStore(t)
	u := s.addUser(t)
	if _, err := s.pools.readers.ExecContext(t.Context(), "DELETE FROM users"); err == nil {
		t.Fatal("a reader wrote")
	}
	must(s.User(t.Context(), u.ID))(t)
}

// While another process holds the database, writes soon fail as Unavailable and
// reads go on. Afterwards writes succeed.
func TestSQLiteOutsideWriterIsRefusedSoon(t *testing.T) {
	t.Parallel()
	s, file := openSQLiteStore(t)
	u := s.addUser(t)
	outside, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	lock, err := outside.Begin()
	if err != nil {
		t.Fatal(err)
	}
	ran := false
	write := func(ctx context.Context, tx auth.Tx) error {
		ran = true
		return tx.InsertUser(ctx, newUser())
	}
	within(t, 4*time.Second, "two refusals", func() {
		wantUnavailable(t, s.try(write))
		wantUnavailable(t, s.Ping(t.Context()))
	})
	wantEqual(t, ran, false)
	must(s.User(t.Context(), u.ID))(t)
	if err := lock.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.write(t, write)
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An outside writer that is done within the attempts is not noticed.
func TestSQLiteShortOutsideWriterIsWaitedFor(t *testing.T) {
	t.Parallel()
	s, file := openSQLiteStore(t)
	outside, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Close()
	for range 10 {
		lock, err := outside.Begin()
		if err != nil {
			t.Fatal(err)
		}
		wait := make(chan error, 1)
		begun := time.Now()
		go func() {
			wait <- s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) })
		}()
		time.Sleep(50 * time.Millisecond)
		if len(wait) > 0 && time.Since(begun) < 500*time.Millisecond {
			t.Fatal("written or refused beside a short writer: ", <-wait)
		}
		err = lock.Commit()
		held := time.Since(begun)
		if err := errors.Join(err, receive(t, wait)); err == nil {
			return
		} else if held < 500*time.Millisecond {
			t.Fatal(err)
		}
		t.Logf("the machine stalled, and the short writer took %s: once more", held)
	}
	t.Fatal("the machine stalled each time")
}

// On a full disk writes fail as Unavailable and nothing is lost; with room
// again they succeed.
func TestSQLiteFullDiskLosesNothing(t *testing.T) {
	t.Parallel()
	s, file := openSQLiteStore(t)
	pages, err := strconv.Atoi(s.pragma(t, "page_count"))
	if err != nil {
		t.Fatal(err)
	}
	s.pragma(t, "max_page_count = "+strconv.Itoa(pages+20))
	var kept []auth.User
	for {
		u := newUser()
		u.FirstName = ptr(rand.Text() + string(bytes.Repeat([]byte("x"), 5000)))
		err := s.try(func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertUser(ctx, u), tx.Record(ctx, newEvent("user:"+u.ID)))
		})
		if err != nil {
			wantUnavailable(t, err)
			break
		}
		kept = append(kept, u)
	}
	if len(kept) == 0 {
		t.Fatal("nothing was written before the disk was full")
	}
	s.pragma(t, "max_page_count = 1000000")
	s.addUser(t)
	wantEqual(t, count(t, s, "users"), len(kept)+1)
	wantEqual(t, count(t, s, "audit_events"), len(kept))
	for _, u := range kept {
		wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again := openStore(t, "sqlite:"+file, Options{})
	wantEqual(t, again.pragma(t, "integrity_check"), "ok")
}

// After a purge nothing of a deleted user's data is left in the files.
func TestDeletedDataIsOverwritten(t *testing.T) {
	t.Parallel()
	s, file := openSQLiteStore(t)
	email, name := rand.Text(), rand.Text()
	u := newUser()
	u.Email = ptr(email + "@example.com")
	w := newWorkout("garmin", "1", epoch)
	w.Name = &name
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
	must(s.UpsertWorkouts(t.Context(), u.ID, []event.Workout{w}, event.Quota{}, newEvent("user:u")))(t)
	found := func() (n int) {
		for _, suffix := range []string{"", "-wal"} {
			b, err := os.ReadFile(file + suffix)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range []string{email, auth.Fold(email), name} {
				n += bytes.Count(b, []byte(text))
			}
		}
		return n
	}
	if found() == 0 {
		t.Fatal("the data is not in the files at all")
	}
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, u.ID) })
	if err := s.Purge(t.Context(), Retention{}); err != nil {
		t.Fatal(err)
	}
	wantEqual(t, found(), 0)
}
