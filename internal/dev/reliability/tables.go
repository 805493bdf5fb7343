package main

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the drivers
	_ "modernc.org/sqlite"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// database opens the database directly.
func (w *world) database() (*sql.DB, error) {
	if w.stack.Postgres != nil {
		return sql.Open("pgx", w.stack.Direct())
	}
	return sql.Open("sqlite", "file:"+w.stack.File()+"?mode=ro&_pragma=busy_timeout(5000)")
}

// dump records the rows that were written since a time: "audit", "key", and the
// number of sessions of each user ("sessions").
func (w *world) dump(since time.Time) error {
	db, err := w.database()
	if err != nil {
		return err
	}
	defer db.Close()
	at := since.UnixMicro()
	return errors.Join(
		w.rows(db, "audit", []string{"id", "request", "action", "outcome", "subject"}, fmt.Sprintf(
			"SELECT id, coalesce(request_id, ''), action, outcome, coalesce(subject, '') FROM audit_events WHERE at >= %d", at)),
		w.rows(db, "key", []string{"id"}, fmt.Sprintf("SELECT id FROM api_keys WHERE created_at >= %d", at)),
		w.rows(db, "sessions", []string{"user", "count"}, fmt.Sprintf(
			"SELECT user_id, count(*) FROM sessions WHERE created_at >= %d AND user_id IS NOT NULL GROUP BY user_id", at)),
	)
}

func (w *world) rows(db *sql.DB, op string, names []string, query string) error {
	rows, err := db.QueryContext(w.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		values, to := make([]string, len(names)), make([]any, len(names))
		for i := range values {
			to[i] = &values[i]
		}
		if err := rows.Scan(to...); err != nil {
			return err
		}
		c := record.Call{Client: "tables", Op: op, Args: make(map[string]string), Start: w.log.Now(), End: w.log.Now()}
		for i, name := range names {
			c.Args[name] = values[i]
		}
		w.log.Add(c)
	}
	return rows.Err()
}

// integrity runs the database's own check of its structure.
func (w *world) integrity() error {
	db, err := w.database()
	if err != nil {
		return err
	}
	defer db.Close()
	if w.stack.Postgres != nil {
		if _, err := db.ExecContext(w.ctx, "CREATE EXTENSION IF NOT EXISTS amcheck"); err != nil {
			return err
		}
		_, err := db.ExecContext(w.ctx, `SELECT bt_index_check(c.oid, c.oid IN (SELECT indexrelid FROM pg_index WHERE indisunique))
			FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'btree' AND c.relpersistence = 'p' AND c.relkind = 'i'`)
		return err
	}
	var said string
	if err := db.QueryRowContext(w.ctx, "PRAGMA integrity_check").Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return errors.New("integrity_check: " + said)
	}
	return nil
}
