package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/openwearables/openwearables/internal/problem"
)

// mapper converts between rows and structs, for one engine.
type mapper struct {
	db       *bun.DB
	engine   engine
	prepared sync.Map // *prepared by statementKey
}

func newMapper(e engine, db *sql.DB) *mapper {
	return &mapper{db: bun.NewDB(db, newColumns(e.dialect())), engine: e}
}

// statement is an SQL statement on one row of the type R. Its text is built
// from R's columns once, and prepared once per connection. That takes less than
// half the time of a query that is built for each call.
type statement[R any] struct {
	text    func(table *schema.Table, columns []string) string
	columns func(*schema.Field) bool // selects the columns; nil selects all
	keys    []string                 // of a SELECT by one value, the columns of which any may have it
	// computed are the expressions that a SELECT reads in the place of columns.
	computed map[string]string
}

// sharing makes callers share the SELECT, where they do that: it finds a row by one
// value in any of the columns. The values of at most one row are in them.
func (s *statement[R]) sharing(keys ...string) *statement[R] {
	s.keys = keys
	return s
}

// computing makes the SELECT read an expression, in which the table has its alias, in
// the place of a column.
func (s *statement[R]) computing(column, expression string) *statement[R] {
	s.computed = map[string]string{column: expression}
	return s
}

// names returns what the statement reads or writes of the fields.
func (s *statement[R]) names(fields []*schema.Field) []string {
	names := make([]string, len(fields))
	for i, f := range fields {
		if names[i] = f.Name; s.computed[f.Name] != "" {
			names[i] = s.computed[f.Name] + " AS " + f.Name
		}
	}
	return names
}

// selecting returns a statement that finds the row for which the condition
// holds.
func selecting[R any](condition string) *statement[R] {
	return &statement[R]{text: func(table *schema.Table, columns []string) string { return selectFrom(table, columns) + condition }}
}

func selectFrom(table *schema.Table, columns []string) string {
	return "SELECT " + strings.Join(columns, ", ") + " FROM " + table.Name + " AS " + table.Alias + " WHERE "
}

// inserting returns a statement that inserts a row.
func inserting[R any]() *statement[R] {
	return &statement[R]{text: func(table *schema.Table, columns []string) string {
		return "INSERT INTO " + table.Name + " (" + strings.Join(columns, ", ") + ") VALUES (?" +
			strings.Repeat(", ?", len(columns)-1) + ")"
	}}
}

// updating returns a statement that replaces the given columns, or else all but
// the key, of the row with that key.
func updating[R any](key string, columns ...string) *statement[R] {
	return &statement[R]{
		text: func(table *schema.Table, columns []string) string {
			return "UPDATE " + table.Name + " SET " + strings.Join(columns, " = ?, ") + " = ? WHERE " + key + " = ?"
		},
		columns: func(f *schema.Field) bool {
			return f.Name != key && (columns == nil || slices.Contains(columns, f.Name))
		},
	}
}

// fields returns the table of R and the fields that the statement reads or
// writes.
func (s *statement[R]) fields(m *mapper) (table *schema.Table, fields []*schema.Field) {
	table = m.db.Table(reflect.TypeFor[R]())
	if s.columns == nil {
		return table, table.Fields
	}
	for _, f := range table.Fields {
		if s.columns(f) {
			fields = append(fields, f)
		}
	}
	return table, fields
}

// prepared is the text of a statement, with the fields that it reads or writes.
type prepared struct {
	text   string
	fields []*schema.Field
}

// statementKey distinguishes the forms of a statement.
type statementKey struct {
	statement any
	lock      string // the FOR clause with which it locks the rows that it selects; "": it does not
}

// Weaker locks than engine.lock, which excludes both. That to keep rows excludes
// neither itself nor that to claim them.
const (
	lockToClaim = "NO KEY UPDATE"
	lockToKeep  = "KEY SHARE"
)

func preparedFor[R any](m *mapper, s *statement[R], lock string) *prepared {
	if m.engine.lock == "" {
		lock = ""
	}
	key := statementKey{s, lock}
	if p, ok := m.prepared.Load(key); ok {
		return p.(*prepared)
	}
	table, fields := s.fields(m)
	text := m.engine.arguments(s.text(table, s.names(fields)))
	if lock != "" {
		text += " FOR " + lock
	}
	p, _ := m.prepared.LoadOrStore(key, &prepared{text, fields})
	return p.(*prepared)
}

// statements caches the statements that were prepared on a connection or a
// pool.
type statements struct {
	prepare func(context.Context, string) (*sql.Stmt, error)
	stmts   sync.Map // *sql.Stmt by *prepared
}

func (ss *statements) stmt(ctx context.Context, s *prepared) (*sql.Stmt, error) {
	if p, ok := ss.stmts.Load(s); ok {
		return p.(*sql.Stmt), nil
	}
	p, err := ss.prepare(ctx, s.text)
	if err != nil {
		return nil, err
	}
	if first, lost := ss.stmts.LoadOrStore(s, p); lost {
		return first.(*sql.Stmt), p.Close()
	}
	return p, nil
}

func (ss *statements) query(ctx context.Context, s *prepared, args []any) (*sql.Rows, error) {
	stmt, err := ss.stmt(ctx, s)
	if err != nil {
		return nil, err
	}
	return stmt.QueryContext(ctx, args...)
}

func (ss *statements) exec(ctx context.Context, s *prepared, args []any) (sql.Result, error) {
	stmt, err := ss.stmt(ctx, s)
	if err != nil {
		return nil, err
	}
	return stmt.ExecContext(ctx, args...)
}

func (ss *statements) close() (err error) {
	ss.stmts.Range(func(_, stmt any) bool {
		err = errors.Join(err, stmt.(*sql.Stmt).Close())
		return true
	})
	return err
}

// arguments replaces each ? of a query by the engine's placeholder.
func (e engine) arguments(query string) string {
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += e.argument(i + 1)
	}
	return strings.Join(parts, "")
}

// find returns the row that a SELECT finds, or problem.ErrNotFound. It does not
// ask the database for a text that cannot be stored.
func find[R any](ctx context.Context, r *reader, s *statement[R], args ...any) (row R, err error) {
	return findLocked(ctx, r, s, r.engine.lock, args...)
}

// findLocked is find which, in a transaction, locks the row with the given clause.
func findLocked[R any](ctx context.Context, r *reader, s *statement[R], lock string, args ...any) (row R, err error) {
	if r.tx == nil {
		lock = ""
	}
	for _, a := range args {
		if text, ok := a.(string); ok && text != storable(text) {
			return row, problem.ErrNotFound
		}
	}
	p := preparedFor(r.mapper, s, lock)
	if f, ok := r.runner.(finder); ok {
		err = f.find(ctx, p, args, reflect.ValueOf(&row).Elem())
		return row, r.fail(ctx, err)
	}
	if shared := r.lanes.finding(s); shared != nil {
		if values, err := shared.find(ctx, args[0]); !errors.Is(err, errNotShared) {
			if err == nil {
				err = p.scan(&row, values)
			}
			return row, r.fail(ctx, err)
		}
	}
	err = r.use(ctx, func(ctx context.Context, on executor) (err error) {
		rows, err := on.query(ctx, p, args)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		if !rows.Next() {
			return cmp.Or(rows.Err(), sql.ErrNoRows)
		}
		return r.db.ScanRow(ctx, rows, &row)
	})
	return row, r.fail(ctx, err)
}

// write runs a statement that writes the row. The arguments in more follow the
// row's columns. If no row is written, the error is problem.ErrNotFound.
func write[R any](ctx context.Context, t *tx, s *statement[R], row *R, more ...any) error {
	p := preparedFor(t.mapper, s, "")
	args, err := p.appendArgs(make([]any, 0, len(p.fields)+len(more)), reflect.ValueOf(row).Elem())
	if err != nil {
		return t.fail(ctx, err)
	}
	res, err := t.conn.exec(ctx, p, append(args, more...))
	return t.oneRow(ctx, res, err)
}

// appendArgs appends the arguments that the row is written with.
func (p *prepared) appendArgs(args []any, row reflect.Value) ([]any, error) {
	for _, f := range p.fields {
		arg := stored(f.Value(row))
		if text, ok := arg.(string); ok && text != storable(text) {
			return nil, errUnstorable
		}
		args = append(args, arg)
	}
	return args, nil
}
