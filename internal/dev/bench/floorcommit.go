package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path"
)

// commitFloor makes the statements of a refresh on SQLite, durably, with one commit
// for all callers that wait: what a handler can have of the same disk.
type commitFloor struct {
	waiting                       chan rotation
	begin, read, rotate, add, end *sql.Stmt
}

// rotation is a caller that waits for the commit.
type rotation struct {
	session string
	done    chan error
}

// The tables are those of the product, as far as a refresh goes.
var commitTables = []string{
	`CREATE TABLE sessions (
		id TEXT PRIMARY KEY, developer_id TEXT, user_id TEXT, app_id TEXT, minted_by TEXT, actor TEXT, ip TEXT, client TEXT, seed BYTEA NOT NULL,
		generation BIGINT NOT NULL, rotated_at BIGINT NOT NULL, rotated_by BYTEA, created_at BIGINT NOT NULL, last_used_at BIGINT NOT NULL,
		expires_at BIGINT NOT NULL, ends_at BIGINT NOT NULL, revoked_at BIGINT)`,
	`CREATE TABLE audit_events (
		id TEXT PRIMARY KEY, at BIGINT NOT NULL, action TEXT NOT NULL, outcome TEXT NOT NULL, actor TEXT, subject TEXT, ip TEXT,
		client TEXT, request_id TEXT, occurrences BIGINT NOT NULL)`,
	"CREATE INDEX audit_events_at ON audit_events (at)",
	"CREATE INDEX audit_events_subject ON audit_events (subject, at)",
	"CREATE INDEX audit_events_actor ON audit_events (actor, at)",
}

// newCommitFloor makes a database in the file, and serves it.
func newCommitFloor(file string) (http.Handler, error) {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	statements := commitTables
	for n := range sessions {
		statements = append(statements, fmt.Sprintf("INSERT INTO sessions VALUES ('%s', NULL, '%[1]s', NULL, NULL, NULL, NULL, NULL, zeroblob(32), 1, 1, NULL, 1, 1, 1, 1, NULL)", userID(n)))
	}
	if err := inOne(ctx, db, statements); err != nil {
		return nil, err
	}
	f := &commitFloor{waiting: make(chan rotation, 1024)}
	for _, s := range []struct {
		to   **sql.Stmt
		text string
	}{
		{&f.begin, "BEGIN IMMEDIATE"},
		{&f.end, "COMMIT"},
		{&f.read, "SELECT generation, seed, expires_at, ends_at, revoked_at FROM sessions WHERE id = ?"},
		{&f.rotate, "UPDATE sessions SET generation = ?, rotated_at = ?, rotated_by = ?, last_used_at = ?, expires_at = ?, revoked_at = ?, ip = ?, client = ? WHERE id = ?"},
		{&f.add, "INSERT INTO audit_events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)"},
	} {
		if *s.to, err = db.PrepareContext(ctx, s.text); err != nil {
			return nil, err
		}
	}
	go f.run(ctx)
	return f, nil
}

// ServeHTTP rotates the session that the path names.
func (f *commitFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one := rotation{path.Base(r.URL.Path), make(chan error, 1)}
	f.waiting <- one
	answer(w, map[string]string{"session": one.session}, <-one.done)
}

// run commits those that wait, up to 256 at once.
func (f *commitFloor) run(ctx context.Context) {
	event := 0
	for first := range f.waiting {
		batch := []rotation{first}
		for more := true; more && len(batch) < 256; {
			select {
			case next := <-f.waiting:
				batch = append(batch, next)
			default:
				more = false
			}
		}
		_, err := f.begin.ExecContext(ctx)
		for _, one := range batch {
			event++
			err = errors.Join(err, f.rotateOne(ctx, one.session, event))
		}
		if _, failed := f.end.ExecContext(ctx); failed != nil {
			err = errors.Join(err, failed)
		}
		for _, one := range batch {
			one.done <- err
		}
	}
}

func (f *commitFloor) rotateOne(ctx context.Context, session string, event int) error {
	var generation, expires, ends int64
	var seed []byte
	var revoked *int64
	if err := f.read.QueryRowContext(ctx, session).Scan(&generation, &seed, &expires, &ends, &revoked); err != nil {
		return err
	}
	at := epoch.UnixMicro() + int64(event)
	if _, err := f.rotate.ExecContext(ctx, generation+1, at, nil, at, at, nil, "127.0.0.1", "bench", session); err != nil {
		return err
	}
	_, err := f.add.ExecContext(ctx, fmt.Sprintf("00000000-0000-7000-8000-%012d", event), at, "RefreshToken", "success",
		"user:"+session, "session:"+session, "127.0.0.1", "bench", "req_1")
	return err
}
