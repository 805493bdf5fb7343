package store

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// openSharing opens a store on PostgreSQL whose callers have the patience to share.
func openSharing(t testing.TB, dsn string) *Store {
	t.Helper()
	s := openStore(t, dsn, Options{}).unhurried()
	s.reader.lanes.rotations.patience, s.reader.lanes.mintings.patience = time.Minute, time.Minute
	return s
}

func rotationOf(row auth.StoredSession) auth.Rotation {
	return auth.Rotation{
		SessionID: row.ID, Generation: row.Generation, Idle: time.Hour, IP: "192.0.2.1", Client: "test",
		Event: audit.Event{Action: audit.Refresh, Outcome: audit.OK, Actor: "user:" + row.UserID, Subject: "session:" + row.ID},
	}
}

// makes makes the rotation, which must be made in a shared statement.
func (s *Store) makes(t testing.TB, r auth.Rotation) auth.Rotated {
	t.Helper()
	rotated, ok, err := s.RotateSession(t.Context(), r)
	if err != nil || !ok {
		t.Errorf("made: %t, %v", ok, err)
	}
	return rotated
}

// refuses fails the test if the rotation is made, or fails.
func (s *Store) refuses(t testing.TB, r auth.Rotation) {
	t.Helper()
	if _, ok, err := s.RotateSession(t.Context(), r); err != nil || ok {
		t.Errorf("made: %t, %v", ok, err)
	}
}

// A shared rotation leaves the row as a transaction does, with its event, and is made
// only of the generation of a session that is live.
func TestPostgresRotationIsWhole(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{"prepared": newPlanted(t) + "&statement_timeout=60000", "pooled": pgtest.New(t) + "&" + poolerMode} {
		t.Run(name, func(t *testing.T) {
			s := openSharing(t, dsn)
			var all sync.WaitGroup
			for i := range 64 {
				all.Go(func() {
					row := s.addSession(t)
					r := rotationOf(row)
					if i%2 == 0 {
						r.By = ptr(fill[credential.Hash](true))
					}
					rotated := s.makes(t, r)
					want := row
					want.Generation, want.RotatedAt, want.RotatedBy, want.LastUsedAt = 2, rotated.At, r.By, rotated.At
					want.ExpiresAt, want.IP, want.Client = rotated.At.Add(time.Hour), r.IP, r.Client
					wantEqual(t, rotated.ExpiresAt, want.ExpiresAt)
					wantEqual(t, must(s.Session(t.Context(), row.ID))(t), want)
					events := must(s.Events(t.Context(), EventFilter{Subject: "session:" + row.ID}))(t)
					e := r.Event
					e.At, e.Occurrences = rotated.At, 1
					if len(events) == 1 {
						e.ID = events[0].ID
					}
					wantEqual(t, events, []audit.Event{e})
				})
			}
			all.Wait()
			row := s.addSession(t)
			s.refuses(t, rotationOf(auth.StoredSession{ID: uuid.NewString(), Generation: 1}))
			for _, generation := range []int64{0, 2} {
				r := rotationOf(row)
				r.Generation = generation
				s.refuses(t, r)
			}
			for _, bad := range []func(*auth.Rotation){
				func(r *auth.Rotation) { r.Client = "\xff" },
				func(r *auth.Rotation) { r.IP = "a\x00b" },
				func(r *auth.Rotation) { r.Event.Actor = "a\x00b" },
			} {
				r := rotationOf(row)
				bad(&r)
				s.refuses(t, r)
			}
			if n := count(t, s, "audit_events WHERE subject = 'session:"+row.ID+"'"); n > 0 {
				t.Errorf("%d events of what was not done", n)
			}
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				_, err := tx.EndSessions(ctx, auth.SessionFilter{ID: row.ID}, tx.Now())
				return err
			})
			s.refuses(t, rotationOf(row))
			over := newUserSession(row.UserID)
			over.ExpiresAt = epoch
			s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, over) })
			s.refuses(t, rotationOf(over))
		})
	}
}

// Of all who rotate one generation, on several nodes, one does.
func TestPostgresRotationHasOneWinner(t *testing.T) {
	t.Parallel()
	dsn := dsns["postgres"](t)
	nodes := []*Store{openSharing(t, dsn), openSharing(t, dsn)}
	row := nodes[0].addSession(t)
	for range 20 {
		var all sync.WaitGroup
		var mu sync.Mutex
		won := 0
		for i := range 12 {
			all.Go(func() {
				_, ok, err := nodes[i%2].RotateSession(t.Context(), rotationOf(row))
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				} else if ok {
					won++
				}
			})
		}
		all.Wait()
		if row.Generation += int64(won); won > 1 {
			t.Fatalf("%d have won", won)
		}
		wantEqual(t, must(nodes[0].Session(t.Context(), row.ID))(t).Generation, row.Generation)
	}
}

// A session that a transaction holds holds up nobody else, and whoever rotates it is
// sent to a transaction.
func TestPostgresLockedSessionHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	s := openSharing(t, dsns["postgres"](t))
	stuck := s.addSession(t)
	held, free := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		done <- s.try(func(ctx context.Context, tx auth.Tx) error {
			_, err := tx.Session(ctx, stuck.ID)
			close(held)
			<-free
			return err
		})
	}()
	receive(t, held)
	var all sync.WaitGroup
	for range 16 {
		row := s.addSession(t)
		all.Go(func() { s.makes(t, rotationOf(row)) })
		all.Go(func() { s.refuses(t, rotationOf(stuck)) })
	}
	all.Wait()
	close(free)
	wantError(t, receive(t, done), nil)
	s.makes(t, rotationOf(stuck))
}

// One caller who is gone leaves a batch, and the others are answered.
func TestPostgresCallerLeavesABatch(t *testing.T) {
	t.Parallel()
	s := openSharing(t, dsns["postgres"](t))
	rows := make([]auth.StoredSession, 64)
	for i := range rows {
		rows[i] = s.addSession(t)
	}
	release := s.hold(t)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	waits := s.reader.lanes.rotations.length
	begun := 1
	eventually(t, "queued", func() bool { // the workers have the first ones
		if begun < len(rows) && waits() < 3 {
			row := rows[begun]
			all.Go(func() { s.makes(t, rotationOf(row)) })
			begun++
		}
		return waits() >= 3
	})
	gone := make(chan error, 1)
	before := waits()
	go func() {
		_, ok, err := s.RotateSession(ctx, rotationOf(rows[0]))
		if ok {
			t.Error("it was made")
		}
		gone <- err
	}()
	eventually(t, "queued", func() bool { return waits() > before })
	cancel()
	wantUnavailable(t, receive(t, gone))
	release()
	all.Wait()
	wantEqual(t, must(s.Session(t.Context(), rows[0].ID))(t), rows[0])
}

// If the backend ends in the middle of a statement, nobody knows what became of it:
// all of the batch are told so, nothing is sent again, and nothing was done.
func TestPostgresBackendEndsInABatch(t *testing.T) {
	t.Parallel()
	s := openSharing(t, dsns["postgres"](t))
	rows := make([]auth.StoredSession, 64)
	for i := range rows {
		rows[i] = s.addSession(t)
	}
	if _, err := s.pools.writer.ExecContext(t.Context(), `CREATE SEQUENCE attempts;
		CREATE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			PERFORM nextval('attempts'), pg_terminate_backend(pg_backend_pid()), pg_sleep(5); RETURN NEW; END $$;
		CREATE TRIGGER fall BEFORE INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION fall()`); err != nil {
		t.Fatal(err)
	}
	attempts := func() (n int) {
		if err := s.pools.readers.QueryRowContext(t.Context(), "SELECT last_value FROM attempts").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	fails := func(row auth.StoredSession) {
		t.Helper()
		_, ok, err := s.RotateSession(t.Context(), rotationOf(row))
		if ok {
			t.Error("it was made")
		}
		wantUnavailable(t, err)
		wantError(t, err, errUncertain)
	}
	fails(rows[0])
	wantEqual(t, attempts(), 1)
	release := s.hold(t)
	var all sync.WaitGroup
	begun := 0
	eventually(t, "queued", func() bool { // the workers have the first ones
		if begun < len(rows) {
			row := rows[begun]
			all.Go(func() { fails(row) })
			begun++
		}
		return begun == len(rows) && s.reader.lanes.rotations.length() >= 32
	})
	release()
	all.Wait()
	if n := attempts(); n < 2 || n > 1+len(rows)/4 {
		t.Errorf("%d statements for %d callers", n-1, len(rows))
	}
	for _, row := range rows {
		wantEqual(t, must(s.Session(t.Context(), row.ID))(t), row)
	}
}

// If the answer of the database does not come, the rotation was made once, and its
// caller is told in time that nobody knows.
func TestPostgresAnswerIsLost(t *testing.T) {
	t.Parallel()
	dsn := pgtest.New(t)
	direct := openStore(t, dsn, Options{})
	p := newProxy(t, pgtest.Shared(t).Socket())
	s := openStore(t, p.dsn(t, dsn), Options{})
	row := direct.addSession(t)
	s.makes(t, rotationOf(row))
	row.Generation++
	p.silence(true)
	inTime(t, "a rotation without an answer", func() {
		_, ok, err := s.RotateSession(WithBudget(t.Context()), rotationOf(row))
		if ok {
			t.Error("it was made")
		}
		wantError(t, err, errUncertain)
	})
	p.silence(false)
	eventually(t, "made", func() bool {
		return must(direct.Session(t.Context(), row.ID))(t).Generation == row.Generation+1
	})
	wantEqual(t, count(t, direct, "audit_events"), 2)
	s.soon(t)
}

// Every shared statement finds its rows by an index, on small tables and on large ones,
// whether the database knows their size or not.
func TestPostgresSharedStatementsUseIndexes(t *testing.T) {
	t.Parallel()
	s := openSharing(t, pgtest.New(t)+"&statement_timeout=60000")
	l := s.reader.lanes
	texts := []string{rotateShared, mintShared}
	for _, r := range l.reads {
		texts = append(texts, r.one, r.many)
	}
	size := 0
	for _, grow := range []int{0, 1000, 120_000} {
		if _, err := s.pools.writer.ExecContext(t.Context(), fmt.Sprintf(`
			INSERT INTO users (id, created_at, has_active_connection, search) SELECT 'u' || i, 0, false, '' FROM generate_series(%[1]d, %[2]d - 1) i;
			INSERT INTO sessions (id, user_id, app_id, seed, generation, rotated_at, created_at, last_used_at, expires_at, ends_at)
				SELECT 's' || i, 'u' || i, 'app', '', 1, 0, 0, 0, 0, 0 FROM generate_series(%[1]d, %[2]d - 1) i`, size, grow)); err != nil {
			t.Fatal(err)
		}
		size = grow
		for _, analyze := range []string{"", "ANALYZE"} {
			if _, err := s.pools.writer.ExecContext(t.Context(), analyze); err != nil {
				t.Fatal(err)
			}
			for i, text := range texts {
				c := must(s.backend.(*pgPool).shared.Acquire(t.Context()))(t)
				name := fmt.Sprintf("explained_%d_%d_%s", i, size, analyze)
				if _, err := c.Exec(t.Context(), "PREPARE "+name+" AS "+text); err != nil {
					t.Fatal(err)
				}
				n := 1
				for strings.Contains(text, fmt.Sprintf("$%d", n+1)) {
					n++
				}
				rows, err := c.Query(t.Context(), "EXPLAIN EXECUTE "+name+"(NULL"+strings.Repeat(", NULL", n-1)+")")
				plan := ""
				for err == nil && rows.Next() {
					var line string
					err = rows.Scan(&line)
					plan += line + "\n"
				}
				if rows.Close(); err != nil || rows.Err() != nil {
					t.Fatal(err, rows.Err())
				}
				c.Release()
				if strings.Contains(plan, "Seq Scan") || !strings.Contains(plan, "Index") || strings.Contains(plan, "Hash") {
					t.Errorf("%d rows, %q:\n%s", size, analyze, plan)
				}
			}
		}
	}
}

// A node with few connections has none for shared statements, and works without.
func TestPostgresFewConnectionsAreNotShared(t *testing.T) {
	t.Parallel()
	dsn := newPlanted(t) + "&statement_timeout=60000&pool_max_conns="
	few := openStore(t, dsn+"3", Options{}).unhurried()
	row := few.addSession(t)
	few.refuses(t, rotationOf(row))
	wantEqual(t, must(few.Session(t.Context(), row.ID))(t), row)
	c := newAccount(t, few).newClient(t)
	grant := must(c.exchange(t.Context(), row.UserID))(t)
	must(c.refresh(t.Context(), grant.RefreshToken))(t)
	openSharing(t, dsn+"4").makes(t, rotationOf(row))
}
