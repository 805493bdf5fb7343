package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/openwearables/openwearables/internal/auth"
)

// steps are the parts of migrations that SQL cannot express, by the name of the
// migration. Each runs in its transaction, after the script.
var steps = map[string]func(context.Context, engine, *sql.Conn) error{
	"20261127150000_email_keys": renewEmailKeys,
}

// keyedEmail is a row with an address, and the key under which it is stored.
type keyedEmail struct {
	id         string
	at         int64
	email, key string
}

// emailPage is how many rows renewEmailKeys holds in memory.
const emailPage = 1000

// renewEmailKeys computes the keys of all addresses that are not ASCII. Of rows that
// would now have the same key, the one that has it keeps it, or else the oldest gets
// it. Each other keeps its row and its address, and is found by auth.ExactEmail; the
// log names it.
func renewEmailKeys(ctx context.Context, e engine, conn *sql.Conn) error {
	for _, table := range []string{"developers", "users"} {
		// All leave their old keys first, so that none is in the way of another.
		err := e.eachEmail(ctx, conn, table, func(row keyedEmail) error {
			if auth.FoldEmail(row.email) == row.key {
				return nil
			}
			return e.setEmailKey(ctx, conn, table, row.id, auth.ExactEmail(row.email))
		})
		if err != nil {
			return err
		}
		err = e.eachEmail(ctx, conn, table, func(row keyedEmail) error {
			key := auth.FoldEmail(row.email)
			if key == row.key {
				return nil
			}
			var holder string
			err := conn.QueryRowContext(ctx, e.arguments("SELECT id FROM "+table+" WHERE email_folded = ?"), key).Scan(&holder)
			switch {
			case errors.Is(err, sql.ErrNoRows):
				return e.setEmailKey(ctx, conn, table, row.id, key)
			case err == nil && e.log != nil:
				e.log.Warn("two rows have one email address in two spellings: this one is found by its exact spelling only",
					"table", table, "id", row.id, "other", holder)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (e engine) setEmailKey(ctx context.Context, conn *sql.Conn, table, id, key string) error {
	_, err := conn.ExecContext(ctx, e.arguments("UPDATE "+table+" SET email_folded = ? WHERE id = ?"), key, id)
	return err
}

// eachEmail calls f with every row of the table whose address is not ASCII, the
// oldest first. f may change the row.
func (e engine) eachEmail(ctx context.Context, conn *sql.Conn, table string, f func(keyedEmail) error) error {
	query := e.arguments(fmt.Sprintf("SELECT id, created_at, email, email_folded FROM %s "+
		"WHERE octet_length(email) <> length(email) AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT %d", table, emailPage))
	last := keyedEmail{at: math.MinInt64}
	for {
		page, err := readEmails(ctx, conn, query, last.at, last.id)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, row := range page {
			if err := f(row); err != nil {
				return err
			}
		}
		last = page[len(page)-1]
	}
}

func readEmails(ctx context.Context, conn *sql.Conn, query string, args ...any) (page []keyedEmail, err error) {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row keyedEmail
		if err := rows.Scan(&row.id, &row.at, &row.email, &row.key); err != nil {
			return nil, err
		}
		page = append(page, row)
	}
	return page, rows.Err()
}
