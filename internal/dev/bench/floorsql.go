package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"path"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite" // the driver
)

// epoch is when everything in a floor happened.
var epoch = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// userID returns the id of a user of a floor.
func userID(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }

// user is a row as a floor answers with it.
type user struct {
	ID                  string    `json:"id"`
	CreatedAt           time.Time `json:"created_at"`
	FirstName           *string   `json:"first_name"`
	LastName            *string   `json:"last_name"`
	Email               *string   `json:"email"`
	ExternalUserID      *string   `json:"external_user_id"`
	LastSyncedAt        *int64    `json:"last_synced_at"`
	LastSyncedProvider  *string   `json:"last_synced_provider"`
	HasActiveConnection bool      `json:"has_active_connection"`
}

// The table is that of the product, as far as a read goes.
const (
	usersTable = `CREATE TABLE users (
		id TEXT PRIMARY KEY, created_at BIGINT NOT NULL, first_name TEXT, last_name TEXT, email TEXT, email_folded TEXT UNIQUE,
		external_user_id TEXT UNIQUE, last_synced_at BIGINT, last_synced_provider TEXT, has_active_connection BOOLEAN NOT NULL,
		search TEXT NOT NULL)`
	usersIndex = "CREATE INDEX users_created_at ON users (created_at, id)"
	selectUser = "SELECT id, created_at, first_name, last_name, email, external_user_id, last_synced_at, last_synced_provider, has_active_connection FROM users "
)

// insertUser returns the statement that inserts a user.
func insertUser(n int) string {
	return fmt.Sprintf("INSERT INTO users VALUES ('%s', %d, 'Ada', 'Number %04d', NULL, NULL, 'bench-%04d', NULL, NULL, false, 'ada number %04d')",
		userID(n), epoch.UnixMicro()+int64(n), n, n, n)
}

// scan reads a row of selectUser.
func (u *user) scan(row interface{ Scan(...any) error }) error {
	var created int64
	err := row.Scan(&u.ID, &created, &u.FirstName, &u.LastName, &u.Email, &u.ExternalUserID, &u.LastSyncedAt, &u.LastSyncedProvider, &u.HasActiveConnection)
	u.CreatedAt = time.UnixMicro(created).UTC()
	return err
}

// sqliteFloor reads users of SQLite by prepared statements.
type sqliteFloor struct {
	byID, newest, count *sql.Stmt
}

// newSQLiteFloor makes a database in the file, and serves the method.
func newSQLiteFloor(file string, serve func(*sqliteFloor, http.ResponseWriter, *http.Request)) (http.Handler, error) {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:"+file+"?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(max(4, runtime.NumCPU()))
	db.SetMaxIdleConns(max(4, runtime.NumCPU()))
	statements := []string{usersTable, usersIndex}
	for n := range users {
		statements = append(statements, insertUser(n))
	}
	if err := inOne(ctx, db, statements); err != nil {
		return nil, err
	}
	f, failed := new(sqliteFloor), [3]error{}
	f.byID, failed[0] = db.PrepareContext(ctx, selectUser+"WHERE id = ?")
	f.newest, failed[1] = db.PrepareContext(ctx, selectUser+"ORDER BY created_at DESC, id DESC LIMIT 20")
	f.count, failed[2] = db.PrepareContext(ctx, "SELECT count(*) FROM users")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { serve(f, w, r) }), errors.Join(failed[:]...)
}

// inOne executes statements in one transaction.
func inOne(ctx context.Context, db *sql.DB, statements []string) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.ExecContext(ctx, s); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

// user answers with the user that the path names.
func (f *sqliteFloor) user(w http.ResponseWriter, r *http.Request) {
	var u user
	answer(w, &u, u.scan(f.byID.QueryRowContext(r.Context(), path.Base(r.URL.Path))))
}

// page answers with the newest users and how many there are.
func (f *sqliteFloor) page(w http.ResponseWriter, r *http.Request) {
	list, err := f.list(r.Context())
	var total int
	if err == nil {
		err = f.count.QueryRowContext(r.Context()).Scan(&total)
	}
	answer(w, map[string]any{"items": list, "total": total}, err)
}

func (f *sqliteFloor) list(ctx context.Context) (list []user, _ error) {
	rows, err := f.newest.QueryContext(ctx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var u user
		if err := u.scan(rows); err != nil {
			return nil, err
		}
		list = append(list, u)
	}
	return list, rows.Err()
}

// postgresFloor counts a request in Redis by a script and reads a user of PostgreSQL.
type postgresFloor struct {
	pool  *pgxpool.Pool
	redis *redis.Client
	count *redis.Script
}

// newPostgresFloor makes the table in the database, and serves it.
func newPostgresFloor(database, addr string) (http.Handler, error) {
	ctx := context.Background()
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 16 // as the product has
	f := &postgresFloor{redis: redis.NewClient(&redis.Options{Addr: addr}), count: redis.NewScript(
		`local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end return n`)}
	if f.pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, err
	}
	for n := -2; n < users; n++ {
		statement := usersTable
		switch {
		case n == -1:
			statement = usersIndex
		case n >= 0:
			statement = insertUser(n)
		}
		if _, err := f.pool.Exec(ctx, statement); err != nil {
			return nil, err
		}
	}
	return f, f.count.Load(ctx, f.redis).Err()
}

func (f *postgresFloor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var u user
	err := f.count.EvalSha(r.Context(), f.redis, []string{"bench:floor"}, 60).Err()
	if err == nil {
		err = u.scan(f.pool.QueryRow(r.Context(), selectUser+"WHERE id = $1", path.Base(r.URL.Path)))
	}
	answer(w, &u, err)
}
