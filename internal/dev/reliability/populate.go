package main

import (
	"database/sql"
	"fmt"
	"time"
)

// addUsers adds users to the database, past the product.
func (w *world) addUsers(n int) error {
	return w.insert(`INSERT INTO users (id, created_at, first_name, last_name, email, email_folded, external_user_id,
			has_active_connection, search)
		SELECT `+w.uuid()+`, %d + n, 'Hal', 'Willoughby', 'hall' || n || '@example.com', 'hall' || n || '@example.com', 'ext' || n, false,
		'hal willoughby' || `+w.character(31)+` || 'hall' || n || '@example.com' || `+w.character(31)+` || 'ext' || n FROM numbers`, n)
}

// addWorkouts adds workouts of a user to the database, past the product.
func (w *world) addWorkouts(user string, n int) error {
	return w.insert(`INSERT INTO workouts (id, user_id, provider, external_id, type, start_time, end_time, duration_seconds)
		SELECT `+w.uuid()+`, '`+user+`', 'x', 'ext' || n, 'running', %d + n, %[1]d + n + 1000000, 1 FROM numbers`, n)
}

// insert executes a statement that selects of the numbers from 1 to n. The time of
// now stands in the place of its verb.
func (w *world) insert(query string, n int) error {
	var db *sql.DB
	var err error
	if w.stack.Postgres != nil {
		db, err = w.database()
	} else {
		db, err = sql.Open("sqlite", "file:"+w.stack.File()+"?_pragma=busy_timeout(60000)")
	}
	if err != nil {
		return err
	}
	defer db.Close()
	numbers := fmt.Sprintf("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d) ", n)
	_, err = db.ExecContext(w.ctx, numbers+fmt.Sprintf(query, time.Now().UnixMicro()))
	return err
}

// uuid returns an expression of a random UUID as text.
func (w *world) uuid() string {
	if w.stack.Postgres != nil {
		return "gen_random_uuid()::text"
	}
	return "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-8' || " +
		"substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6)))"
}

// character returns an expression of the character with the number.
func (w *world) character(n int) string {
	if w.stack.Postgres != nil {
		return fmt.Sprintf("chr(%d)", n)
	}
	return fmt.Sprintf("char(%d)", n)
}
