package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// connection is the connection that writes, with the statements that frame a
// transaction.
type connection struct {
	statements
	conn                                    *sql.Conn
	begin, savepoint, undo, release, commit *sql.Stmt
}

func newConnection(pool *sql.DB, m *mapper) (*connection, error) {
	ctx := context.Background()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	c := &connection{conn: conn, statements: statements{mapper: m, lock: m.engine.lock, prepare: conn.PrepareContext}}
	for text, stmt := range map[string]**sql.Stmt{
		m.engine.begin: &c.begin, "SAVEPOINT job": &c.savepoint, "ROLLBACK TO job": &c.undo,
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

// discard undoes what is left of a transaction and closes the connection for
// good. Its statements would keep it alive.
func (c *connection) discard() error {
	_, _ = c.conn.ExecContext(context.Background(), "ROLLBACK") // fails if there is none
	var err error
	c.prepared.Range(func(_, stmt any) bool {
		err = errors.Join(err, stmt.(*ready).Close())
		return true
	})
	for _, stmt := range []*sql.Stmt{c.begin, c.savepoint, c.undo, c.release, c.commit} {
		if stmt != nil {
			err = errors.Join(err, stmt.Close())
		}
	}
	bad := c.conn.Raw(func(any) error { return driver.ErrBadConn })
	if !errors.Is(bad, driver.ErrBadConn) {
		err = errors.Join(err, bad)
	}
	if closed := c.conn.Close(); !errors.Is(closed, sql.ErrConnDone) {
		err = errors.Join(err, closed)
	}
	return err
}

// guard is the connection of a transaction, for as long as it is usable.
type guard struct {
	*sql.Conn
	r *reader
}

func (g guard) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := g.r.usable(); err != nil {
		return nil, err
	}
	return g.Conn.ExecContext(g.r.whole(ctx), query, args...)
}

func (g guard) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := g.r.usable(); err != nil {
		return nil, err
	}
	return g.Conn.QueryContext(g.r.whole(ctx), query, args...)
}
