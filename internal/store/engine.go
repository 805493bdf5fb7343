package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun/schema"
)

// engine is what differs between databases. Everything else in this package is
// written once, in SQL that all of them take.
type engine struct {
	dialect func() schema.Dialect
	// open returns the pool that reads and the pool, of one connection, that
	// writes. It makes the database where there is none.
	open func(ctx context.Context, dsn string) (readers, writer *sql.DB, err error)
	// begin starts a transaction that holds off every other writer's, and
	// migrate one that holds off every other migration.
	begin, migrate string
	// lock is the FOR of a SELECT whose rows stay as they are until the
	// transaction ends.
	lock string
	// order ends a text column where values are put in order: by their bytes.
	order string
	// tidy, if any, is run by the writer after a purge.
	tidy  string
	fault faulter
	// argument is the placeholder of the nth argument, from 1.
	argument func(n int) string
}

// fault is what a driver's error means.
type fault uint8

const (
	broken    fault = iota // a defect, of ours or of the database file
	passing                // the same call may succeed in a while
	contended              // another writer holds the database
	taken                  // a unique value belongs to another row
	orphaned               // a row that is referred to is not there
)

// faulter says what a driver's error means, and for a value that is taken of
// which table and column, such as "users.email_folded".
type faulter func(error) (kind fault, column string)

// engines holds each engine under the scheme of its DSN.
var engines = map[string]engine{"sqlite": sqliteEngine}

// engineOf finds the engine of a DSN. The error does not repeat the DSN, which
// may hold a password.
func engineOf(dsn string) (e engine, rest string, err error) {
	scheme, rest, _ := strings.Cut(dsn, ":")
	e, ok := engines[scheme]
	if !ok || rest == "" {
		return e, "", fmt.Errorf(`store: the database must be given as "sqlite:<path>"`)
	}
	return e, rest, nil
}
