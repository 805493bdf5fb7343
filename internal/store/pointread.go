package store

import (
	"context"
	"database/sql"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun/schema"
)

// pointRead finds rows by one value each. Callers who wait at once share a statement,
// which begins after their calls have: each sees what was acknowledged before.
type pointRead struct {
	*lanes
	one, many string // finds the row of one value, the rows of an array of values
	repeat    int    // of the value among the arguments of one
	keys      []int  // places of the columns that may have the value
	calls     *coalescer[any, []any]
}

// share adds the shared form of the SELECT.
func share[R any](l *lanes, s *statement[R]) {
	table, fields := s.fields(l.pool.mapper)
	r := &pointRead{lanes: l, one: preparedFor(l.pool.mapper, s, "").text, repeat: len(s.keys)}
	conditions := make([]string, len(s.keys))
	for i, key := range s.keys {
		place := slices.IndexFunc(fields, func(f *schema.Field) bool { return f.Name == key })
		r.keys = append(r.keys, place)
		conditions[i] = key + " = ANY ($1::text[])"
		if fields[place].IndirectType.Kind() == reflect.Array {
			conditions[i] = key + " = ANY ($1::bytea[])"
		}
	}
	r.many = selectFrom(table, s.names(fields)) + strings.Join(conditions, " OR ")
	r.calls = newCoalescer(sharedAtOnce, l.pool.limit, nil, r.run)
	r.calls.effectless = true
	l.reads[s] = r
}

// find returns the columns of the row with the value, a string or []byte. The error is
// sql.ErrNoRows if there is none, and errNotShared if the caller has to ask alone.
func (r *pointRead) find(ctx context.Context, value any) (row []any, err error) {
	_, span := r.tracer.Query(ctx, systems[postgresEngine.name], r.one)
	row, err = r.calls.do(ctx, value)
	span.End(err)
	return row, err
}

// run finds the rows of the values in one statement.
func (r *pointRead) run(values []any) ([]result[[]any], error) {
	found := make(map[string][]any, len(values))
	s := sharedStatement{
		text: r.one, args: slices.Repeat(values[:1], r.repeat), repeatable: true,
		begin: func() { clear(found) },
		row: func(rows pgx.Rows) error {
			row, err := rows.Values()
			if err == nil {
				for _, at := range r.keys {
					found[keyText(row[at])] = row
				}
			}
			return err
		},
	}
	if len(values) > 1 {
		s.text, s.args = r.many, []any{array(values)}
	}
	if err := r.pool.runShared(&s); err != nil {
		return nil, err
	}
	results := make([]result[[]any], len(values))
	for i, v := range values {
		row, ok := found[keyText(v)]
		if !ok {
			results[i].err = sql.ErrNoRows
		}
		results[i].value = row
	}
	return results, nil
}

// array returns the values, which are all strings or all []byte, as the argument of an
// array.
func array(values []any) any {
	if _, ok := values[0].(string); ok {
		return all[string](values)
	}
	return all[[]byte](values)
}

func all[T any](values []any) []T {
	typed := make([]T, len(values))
	for i, v := range values {
		typed[i] = v.(T)
	}
	return typed
}

// keyText returns a value by which a row is found as the key of a map; NULL is "".
func keyText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	default:
		return ""
	}
}

// scan reads the columns of a row, as pgx returns them, into the struct that row points
// to.
func (p *prepared) scan(row any, values []any) error {
	into := reflect.ValueOf(row).Elem()
	for i, f := range p.fields {
		if err := f.ScanValue(into, values[i]); err != nil {
			return err
		}
	}
	return nil
}
