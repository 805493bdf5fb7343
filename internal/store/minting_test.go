package store

import (
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// A shared minting leaves the row that a transaction would, with its event, and is made
// only if the user has room and the application is as it was judged.
func TestPostgresMintingIsWhole(t *testing.T) {
	t.Parallel()
	for name, dsn := range map[string]string{"prepared": newPlanted(t) + "&statement_timeout=60000", "pooled": pgtest.New(t) + "&" + poolerMode} {
		t.Run(name, func(t *testing.T) {
			s := openSharing(t, dsn)
			c := newAccount(t, s).newClient(t)
			app := must(s.Application(t.Context(), c.AppID))(t)
			minting := func(user string) auth.Minting {
				row := newUserSession(user)
				row.AppID, row.IP, row.Client = c.AppID, "192.0.2.1", "test"
				return auth.Minting{
					Session: row, Application: app, Most: 4, Idle: time.Hour, Absolute: 2 * time.Hour,
					Event: audit.Event{Action: audit.TokenMint, Outcome: audit.OK, Actor: "application:" + c.AppID, Subject: "user:" + user},
				}
			}
			var all sync.WaitGroup
			for range 32 {
				all.Go(func() {
					m := minting(s.addUser(t).ID)
					at, ok, err := s.MintSession(t.Context(), m)
					if err != nil || !ok {
						t.Errorf("made: %t, %v", ok, err)
					}
					want := m.Session
					want.CreatedAt, want.RotatedAt, want.LastUsedAt = at, at, at
					want.ExpiresAt, want.EndsAt = at.Add(m.Idle), at.Add(m.Absolute)
					wantEqual(t, must(s.Session(t.Context(), want.ID))(t), want)
					wantEqual(t, count(t, s, "audit_events WHERE subject = '"+m.Event.Subject+"'"), 1)
				})
			}
			all.Wait()
			user := s.addUser(t).ID
			made := 0
			var mu sync.Mutex
			for range 12 {
				all.Go(func() {
					if _, ok, err := s.MintSession(t.Context(), minting(user)); err != nil {
						t.Error(err)
					} else if ok {
						mu.Lock()
						made++
						mu.Unlock()
					}
				})
			}
			all.Wait()
			if n := count(t, s, "sessions WHERE user_id = '"+user+"'"); n != made || n == 0 || n > 6 { // of two statements at once, neither sees the other's
				t.Errorf("%d sessions, and %d were made", n, made)
			}
			for what, spoil := range map[string]func(*auth.Minting){
				"no user":          func(m *auth.Minting) { m.Session.UserID = "nobody" },
				"no application":   func(m *auth.Minting) { m.Session.AppID = "app_none" },
				"another secret":   func(m *auth.Minting) { m.Application.Hash[0]++ },
				"another previous": func(m *auth.Minting) { m.Application.PreviousHash = &app.Hash },
				"an ended secret":  func(m *auth.Minting) { m.Until = ptr(time.Now().Add(-time.Second)) },
				"no room":          func(m *auth.Minting) { m.Most = 1 },
				"a text":           func(m *auth.Minting) { m.Session.Client = "a\x00b" },
			} {
				m := minting(s.addUser(t).ID)
				spoil(&m)
				if _, ok, err := s.MintSession(t.Context(), m); err != nil || ok {
					t.Errorf("%s: made %t, %v", what, ok, err)
				}
			}
		})
	}
}

// A statement that has not seen what others mint for a user meanwhile opens no more than
// one session of that user.
func TestPostgresMintingSeesTooFew(t *testing.T) {
	t.Parallel()
	s := openSharing(t, pgtest.New(t)+"&statement_timeout=60000")
	a := newAccount(t, s)
	app := must(s.Application(t.Context(), a.newClient(t).AppID))(t)
	slowApp := must(s.Application(t.Context(), a.newClient(t).AppID))(t)
	p, lane := s.backend.(*pgPool), s.reader.lanes.mintings
	const most = 100
	queue := func(user string, app auth.StoredApplication) *sharedJob[auth.Minting, *time.Time] {
		row := newUserSession(user)
		row.AppID = app.AppID
		e := must(completed(audit.Event{Action: audit.TokenMint, Outcome: audit.OK}))(t)
		j := &sharedJob[auth.Minting, *time.Time]{done: make(chan result[*time.Time], 1)}
		j.job = auth.Minting{Session: row, Application: app, Most: most, Idle: time.Hour, Absolute: 2 * time.Hour, Event: e}
		wantError(t, lane.enqueue(j), nil)
		return j
	}
	begins := func(j *sharedJob[auth.Minting, *time.Time]) {
		eventually(t, "begun", func() bool { return j.state.Load() == started })
	}
	if _, err := p.pool.ExecContext(t.Context(), `
		CREATE FUNCTION tarry(text) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
			IF $1 = '`+slowApp.AppID+`' THEN PERFORM pg_advisory_xact_lock(1); END IF; RETURN true; END $$;
		ALTER TABLE applications RENAME TO apps; CREATE VIEW applications AS SELECT * FROM apps WHERE tarry(app_id)`); err != nil {
		t.Fatal(err)
	}
	gate := must(p.pool.BeginTx(t.Context(), nil))(t)
	if _, err := gate.ExecContext(t.Context(), "SELECT pg_advisory_xact_lock(1)"); err != nil {
		t.Fatal(err)
	}
	user := s.addUser(t).ID
	first, second, other := s.addUser(t).ID, s.addUser(t).ID, s.addUser(t).ID
	held := make([]*pgxpool.Conn, p.shared.Config().MaxConns)
	for i := range held {
		held[i] = must(p.shared.Acquire(t.Context()))(t)
	}
	begins(queue(first, app)) // by a worker, which waits for a connection
	begins(queue(second, app))
	slow := queue(other, slowApp)
	jobs := []*sharedJob[auth.Minting, *time.Time]{slow}
	for range most / 2 {
		jobs = append(jobs, queue(user, app))
	}
	for _, c := range held {
		c.Release()
	}
	begins(slow) // before it locks the user
	for range most {
		jobs = append(jobs, queue(user, app))
	}
	minted := func() int { return count(t, s, "sessions WHERE user_id = '"+user+"'") }
	eventually(t, "minted", func() bool { return minted() >= most/4*3 })
	wantError(t, gate.Rollback(), nil)
	for _, j := range jobs {
		wantError(t, receive(t, j.done).err, nil)
	}
	if n := minted(); n > most {
		t.Errorf("%d sessions of a user who may have %d", n, most)
	}
}
