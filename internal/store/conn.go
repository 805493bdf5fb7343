package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// connection is the connection that writes, with the prepared statements that
// begin and end transactions and savepoints.
type connection struct {
	*sql.Conn
	statements
	begin, savepoint, rollbackTo, release, commit *sql.Stmt
}

func newConnection(pool *sql.DB) (*connection, error) {
	ctx := context.Background()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: conn, statements: statements{prepare: conn.PrepareContext}}
	for text, stmt := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE": &c.begin, "SAVEPOINT job": &c.savepoint, "ROLLBACK TO job": &c.rollbackTo,
		"RELEASE job": &c.release, "COMMIT": &c.commit,
	} {
		if *stmt, err = conn.PrepareContext(ctx, text); err != nil {
			return nil, errors.Join(err, c.discard())
		}
	}
	return c, nil
}

func (c *connection) run(stmt *sql.Stmt) error {
	_, err := stmt.ExecContext(context.Background())
	return err
}

// discard rolls back an open transaction and closes the connection, instead of
// returning it to the pool. It closes the prepared statements first, which
// would keep the connection open.
func (c *connection) discard() error {
	_, _ = c.ExecContext(context.Background(), "ROLLBACK") // fails if no transaction is open
	err := c.statements.close()
	for _, stmt := range []*sql.Stmt{c.begin, c.savepoint, c.rollbackTo, c.release, c.commit} {
		if stmt != nil {
			err = errors.Join(err, stmt.Close())
		}
	}
	bad := c.Raw(func(any) error { return driver.ErrBadConn })
	if !errors.Is(bad, driver.ErrBadConn) {
		err = errors.Join(err, bad)
	}
	if closed := c.Conn.Close(); !errors.Is(closed, sql.ErrConnDone) {
		err = errors.Join(err, closed)
	}
	return err
}
