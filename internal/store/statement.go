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
)

// mapper turns rows into structs and back, for one engine.
type mapper struct {
	db     *bun.DB
	engine engine
}

func newMapper(e engine, db *sql.DB) *mapper {
	return &mapper{bun.NewDB(db, newColumns(e.dialect())), e}
}

// statement is SQL on one row of the type R. Its text is made of R's columns
// and prepared once per connection, which takes less than half the time of a
// query that is built anew.
type statement[R any] struct {
	text    func(table *schema.Table, columns []string) string
	columns func(*schema.Field) bool // those that it reads or writes; nil: all
}

// selecting finds the row that the condition holds for.
func selecting[R any](condition string) *statement[R] {
	return &statement[R]{text: func(table *schema.Table, columns []string) string {
		return "SELECT " + strings.Join(columns, ", ") + " FROM " + table.Name + " WHERE " + condition
	}}
}

// inserting writes a new row.
func inserting[R any]() *statement[R] {
	return &statement[R]{text: func(table *schema.Table, columns []string) string {
		return "INSERT INTO " + table.Name + " (" + strings.Join(columns, ", ") + ") VALUES (?" +
			strings.Repeat(", ?", len(columns)-1) + ")"
	}}
}

// updating replaces the columns, or all others, of the row that holds the key.
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

// fields returns the table of R and which of its fields the statement is about.
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

// statements are what is prepared on a connection or a pool.
type statements struct {
	*mapper
	lock     string // of the rows of each SELECT, such as "UPDATE"
	prepare  func(context.Context, string) (*sql.Stmt, error)
	prepared sync.Map // ready by *statement
}

// ready is a statement that is prepared.
type ready struct {
	*sql.Stmt
	fields []*schema.Field
}

func prepared[R any](ctx context.Context, ss *statements, s *statement[R]) (*ready, error) {
	if p, ok := ss.prepared.Load(s); ok {
		return p.(*ready), nil
	}
	table, fields := s.fields(ss.mapper)
	columns := make([]string, len(fields))
	for i, f := range fields {
		columns[i] = f.Name
	}
	text := ss.engine.arguments(s.text(table, columns))
	if ss.lock != "" && strings.HasPrefix(text, "SELECT") {
		text += " FOR " + ss.lock
	}
	stmt, err := ss.prepare(ctx, text)
	if err != nil {
		return nil, err
	}
	p := &ready{stmt, fields}
	if first, lost := ss.prepared.LoadOrStore(s, p); lost {
		return first.(*ready), stmt.Close()
	}
	return p, nil
}

// arguments numbers the placeholders of a query, where the engine wants that.
func (e engine) arguments(query string) string {
	parts := strings.Split(query, "?")
	for i := range parts[1:] {
		parts[i] += e.argument(i + 1)
	}
	return strings.Join(parts, "")
}

// find returns the row that a SELECT finds, or auth.ErrNotFound.
func find[R any](ctx context.Context, r *reader, s *statement[R], args ...any) (row R, err error) {
	if err := r.usable(); err != nil {
		return row, err
	}
	ctx = r.whole(ctx)
	err = func() (err error) {
		stmt, err := prepared(ctx, r.statements, s)
		if err != nil {
			return err
		}
		rows, err := stmt.QueryContext(ctx, args...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		if !rows.Next() {
			return cmp.Or(rows.Err(), sql.ErrNoRows)
		}
		return r.db.ScanRow(ctx, rows, &row)
	}()
	return row, r.fail(ctx, err)
}

// write runs a statement that writes the row; more are arguments after the
// row's columns. No row written is auth.ErrNotFound.
func write[R any](ctx context.Context, t *tx, s *statement[R], row *R, more ...any) error {
	if err := t.usable(); err != nil {
		return err
	}
	ctx = t.whole(ctx)
	p, err := prepared(ctx, t.statements, s)
	if err != nil {
		return t.fail(ctx, err)
	}
	args := make([]any, len(p.fields), len(p.fields)+len(more))
	for i, f := range p.fields {
		args[i] = stored(f.Value(reflect.ValueOf(row).Elem()))
	}
	res, err := p.ExecContext(ctx, append(args, more...)...)
	return t.one(ctx, res, err)
}
