package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/jackc/pgx/v5"
)

// tables lists the tables that are copied, each after those that it refers to.
// The others hold nothing that must last.
var tables = []string{
	"meta", "counters", "developers", "developer_addresses", "users", "sessions", "api_keys", "applications", "replays",
	"signing_keys", "workouts", "removals", "endings", "mirror_tasks", "audit_events", "access_ledger", "ledger_heads",
	"usage_counts", "usage_writers", "webhook_endpoints", "webhook_deliveries", "invitations", "imports", "pairing_codes",
	"alerts", "alert_rules", "alert_mutes", "alert_sightings", "alert_runs",
}

// Copied reports one table that was copied.
type Copied struct {
	Table string
	Rows  int64
}

// Copy copies a SQLite database into a PostgreSQL database whose tables are
// empty. It migrates both first. The source must not be written meanwhile. All
// tables are copied in one transaction, read back and compared before it
// commits: after a failure or a crash the target is still empty.
func Copy(ctx context.Context, from, to string, o Options) (copied []Copied, err error) {
	source, err := openMigrated(ctx, from, "sqlite", o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, source.close()) }()
	target, err := openMigrated(ctx, to, "postgres", o)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, target.close()) }()
	snapshot, err := source.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, snapshot.Rollback()) }()
	conn, err := target.writer.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = postgresEngine.inTransaction(ctx, conn, func() error {
		return pgConn{Conn: conn}.raw(func(into *pgx.Conn) (err error) {
			copied, err = copyTables(ctx, snapshot, into)
			return err
		})
	})
	if postgresEngine.classify.contended(err) {
		err = fmt.Errorf("the target is in use: stop what serves it (%w)", err)
	}
	if err != nil {
		return nil, fmt.Errorf("store: nothing was copied: %w", err)
	}
	return copied, nil
}

func openMigrated(ctx context.Context, dsn, scheme string, o Options) (*pools, error) {
	e, rest, err := engineOf(dsn)
	if err != nil {
		return nil, err
	}
	if ours := strings.HasPrefix(dsn, scheme); !ours {
		return nil, errors.New("store: a copy goes from sqlite:PATH to postgres://USER@HOST/NAME")
	}
	p, err := e.open(ctx, rest)
	if err != nil {
		return nil, err
	}
	e.log = o.logger()
	if _, err := e.migrateAll(ctx, p.writer, migrations, o.clock()); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

// copyTables copies all tables within two open transactions.
func copyTables(ctx context.Context, from *sql.Tx, into *pgx.Conn) ([]Copied, error) {
	_, err := into.Exec(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE "+strings.Join(tables, ", ")+" IN ACCESS EXCLUSIVE MODE")
	if err != nil {
		return nil, err
	}
	for _, table := range tables {
		var used bool
		if err := into.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM "+table+")").Scan(&used); err != nil {
			return nil, err
		}
		if used {
			return nil, fmt.Errorf("the target is not empty: it has rows in %s", table)
		}
	}
	copied := make([]Copied, 0, len(tables))
	for _, table := range tables {
		n, err := copyTable(ctx, from, into, table)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		copied = append(copied, Copied{table, n})
	}
	return copied, nil
}

func copyTable(ctx context.Context, from *sql.Tx, into *pgx.Conn, table string) (n int64, err error) {
	rows, err := from.QueryContext(ctx, "SELECT * FROM "+table)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return 0, err
	}
	columns := make([]string, len(types))
	for i, t := range types {
		columns[i] = t.Name()
	}
	sent := &rowStream{rows: rows, types: types, values: make([]any, len(types))}
	if n, err = into.CopyFrom(ctx, pgx.Identifier{table}, columns, sent); err != nil {
		return 0, err
	}
	arrived, err := digestOf(ctx, into, "SELECT "+strings.Join(columns, ", ")+" FROM "+table)
	if err != nil {
		return 0, err
	}
	if arrived != sent.digest {
		return 0, fmt.Errorf("what arrived differs from what was sent: %d rows of %d", arrived.rows, sent.digest.rows)
	}
	return n, nil
}

func digestOf(ctx context.Context, conn *pgx.Conn, query string) (d digest, err error) {
	rows, err := conn.Query(ctx, query)
	if err != nil {
		return d, err
	}
	defer rows.Close()
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return d, err
		}
		d.add(values)
	}
	return d, rows.Err()
}

// rowStream reads rows of SQLite, converts them to values of PostgreSQL, and
// adds them to a digest.
type rowStream struct {
	rows   *sql.Rows
	types  []*sql.ColumnType
	values []any
	digest digest
	err    error
}

func (s *rowStream) Next() bool {
	if s.err != nil || !s.rows.Next() {
		return false
	}
	into := make([]any, len(s.values))
	for i := range s.values {
		into[i] = &s.values[i]
	}
	if s.err = s.rows.Scan(into...); s.err != nil {
		return false
	}
	for i, v := range s.values {
		switch v := v.(type) {
		case string:
			s.values[i] = storable(v)
		case int64:
			if s.types[i].DatabaseTypeName() == "BOOLEAN" {
				s.values[i] = v != 0
			}
		}
	}
	s.digest.add(s.values)
	return true
}

func (s *rowStream) Values() ([]any, error) { return s.values, nil }

func (s *rowStream) Err() error { return errors.Join(s.err, s.rows.Err()) }

// digest is a checksum of rows. It does not depend on their order.
type digest struct {
	rows int64
	sum  [sha256.Size]byte
}

func (d *digest) add(values []any) {
	var b []byte
	for _, v := range values {
		switch v := v.(type) {
		case nil:
			b = append(b, 'n')
		case bool:
			b = append(b, 'b', map[bool]byte{false: 0, true: 1}[v])
		case int64:
			b = binary.BigEndian.AppendUint64(append(b, 'i'), uint64(v))
		case float64:
			b = binary.BigEndian.AppendUint64(append(b, 'f'), math.Float64bits(v))
		case string:
			b = append(binary.BigEndian.AppendUint64(append(b, 't'), uint64(len(v))), v...)
		case []byte:
			b = append(binary.BigEndian.AppendUint64(append(b, 'y'), uint64(len(v))), v...)
		default:
			b = fmt.Appendf(b, "?%T", v)
		}
	}
	d.rows++
	for i, x := range sha256.Sum256(b) {
		d.sum[i] ^= x
	}
}
