package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// personal is a table with rows about users.
type personal struct {
	table string
	about string // condition of the rows about one user: ?0 is its id, ?1 its subject
	kept  bool   // the rows stay when the user is deleted
}

// aboutUsers lists every table that names users. The others hold what belongs to no
// user, or names one only by a hash, sealed, or for minutes.
var aboutUsers = []personal{
	{"users", "id = ?0", false},
	{"user_texts", "user_id = ?0", false},
	{"sessions", "user_id = ?0", false},
	{"workouts", "user_id = ?0", false},
	{"usage_counts", "subject = ?1 OR subject = 'account' AND name = ?0", false},
	{"removals", "user_id = ?0", false},
	{"mirror_tasks", "id = ?0", false},
	{"pairing_codes", "user_id = ?0", false},
	{"access_ledger", "user_id = ?0", true},
	{"ledger_heads", "user_id = ?0", true},
	{"audit_events", "actor = ?1 OR subject = ?1 OR subject IN (SELECT 'session:' || id FROM sessions WHERE user_id = ?0)", true},
	{"alerts", "subject = ?1 OR link LIKE '%' || ?0 || '%' OR link IN (SELECT '/audit-events?subject=session%3A' || id FROM sessions WHERE user_id = ?0)", true},
	{"alert_mutes", "subject = ?1", true},
	{"webhook_deliveries", "?2", true},
	{"imports", "kind = '" + auth.ImportedUser + "' AND id = ?0", true},
}

// People reads what a database holds of single users. The database may be served
// meanwhile, and nothing is changed. It is safe for concurrent use.
type People struct {
	pool   *sql.DB
	db     *bun.DB
	engine engine
}

// OpenPeople opens the database at dsn, which must be migrated. The caller must call
// Close.
func OpenPeople(ctx context.Context, dsn string, o Options) (*People, error) {
	pool, e, err := openToRead(ctx, dsn, o)
	if err != nil {
		return nil, err
	}
	return &People{pool, newMapper(e, pool).db, e}, nil
}

// Close closes the database.
func (p *People) Close() error { return p.pool.Close() }

// Find returns the id of the user with that id, which need not be there, or else with
// that external id. Its errors are messages for the operator.
func (p *People) Find(ctx context.Context, id, externalID string) (string, error) {
	if id != "" {
		id, err := problem.UUID("id", id)
		if err != nil {
			err = errors.New("the id of a user is a UUID: give one of another form as the external id")
		}
		return id, err
	}
	err := p.db.NewRaw("SELECT id FROM users WHERE external_user_id = ?", externalID).Scan(ctx, &id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("no user has the external id %q", externalID)
	}
	return id, wrapped(err)
}

// Row is one row about a user. Its columns have the values that JSON has, times in
// RFC 3339. It has no secret: columns of bytes, which hold hashes and what is sealed,
// are left out, but for the message of a webhook.
type Row struct {
	Table  string         `json:"table"`
	Values map[string]any `json:"row"`
}

// Rows calls visit for each row about the user, table by table, all of one instant.
// It holds one row at a time.
func (p *People) Rows(ctx context.Context, userID string, visit func(Row) error) error {
	return p.snapshot(ctx, func(on *sql.Tx) error {
		for _, of := range aboutUsers {
			if err := p.rowsOf(ctx, on, of, userID, visit); err != nil {
				return fmt.Errorf("%s: %w", of.table, err)
			}
		}
		return nil
	})
}

// Remains is how many rows of a table are about a user.
type Remains struct {
	Table string
	Rows  int64
	Kept  bool // they are kept when the user is deleted
}

// Remains counts the rows about a user, of each table that has any.
func (p *People) Remains(ctx context.Context, userID string) (all []Remains, err error) {
	err = p.snapshot(ctx, func(on *sql.Tx) error {
		for _, of := range aboutUsers {
			r := Remains{Table: of.table, Kept: of.kept}
			about, args := p.condition(of, userID)
			if err := p.db.NewRaw("SELECT count(*) FROM "+of.table+" WHERE "+about, args...).Conn(on).Scan(ctx, &r.Rows); err != nil {
				return fmt.Errorf("%s: %w", of.table, err)
			}
			if r.Rows > 0 {
				all = append(all, r)
			}
		}
		return nil
	})
	return all, err
}

// snapshot runs f in a transaction that sees one instant, without limits of time.
func (p *People) snapshot(ctx context.Context, f func(*sql.Tx) error) (err error) {
	o := &sql.TxOptions{ReadOnly: true}
	if p.engine.name == postgresEngine.name { // SQLite's default is a snapshot
		o.Isolation = sql.LevelRepeatableRead
	}
	on, err := p.pool.BeginTx(ctx, o)
	if err != nil {
		return wrapped(err)
	}
	defer func() { err = errors.Join(err, on.Rollback()) }()
	if p.engine.name == postgresEngine.name {
		for _, limit := range []string{"statement_timeout", "idle_in_transaction_session_timeout"} {
			if _, err := on.ExecContext(ctx, "SET LOCAL "+limit+" = 0"); err != nil {
				return wrapped(err)
			}
		}
	}
	return wrapped(f(on))
}

// condition returns the condition of the rows about the user, and its arguments.
func (p *People) condition(of personal, userID string) (string, []any) {
	inBody := "instr(body, CAST(?0 AS BLOB)) > 0"
	if p.engine.name == postgresEngine.name {
		inBody = "position(pg_catalog.convert_to(?0, 'UTF8') IN body) > 0"
	}
	return strings.ReplaceAll(of.about, "?2", inBody), []any{userID, "user:" + userID}
}

func (p *People) rowsOf(ctx context.Context, on *sql.Tx, of personal, userID string, visit func(Row) error) (err error) {
	about, args := p.condition(of, userID)
	rows, err := on.QueryContext(ctx, p.db.NewRaw("SELECT * FROM "+of.table+" WHERE "+about, args...).String())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	values, into := make([]any, len(types)), make([]any, len(types))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		row := Row{of.table, make(map[string]any, len(types))}
		for i, t := range types {
			if v, shown := shownValue(t, values[i]); shown {
				row.Values[t.Name()] = v
			}
		}
		if err := visit(row); err != nil {
			return err
		}
	}
	return rows.Err()
}

// instants are the columns that hold times and whose name does not end in _at.
var instants = []string{"at", "until", "start_time", "end_time", "range_start", "range_end"}

// shownValue returns the value of a column as JSON has it, and whether it may be
// shown.
func shownValue(column *sql.ColumnType, value any) (v any, shown bool) {
	name, kind := column.Name(), column.DatabaseTypeName()
	if kind == "BYTEA" {
		body, _ := value.([]byte)
		return json.RawMessage(slices.Clone(body)), name == "body" && json.Valid(body)
	}
	if n, ok := value.(int64); ok {
		switch {
		case slices.Contains(instants, name) || strings.HasSuffix(name, "_at"):
			return time.UnixMicro(n).UTC(), true
		case kind == "BOOLEAN": // of SQLite
			return n != 0, true
		}
	}
	return value, true
}

func wrapped(err error) error {
	if err != nil {
		err = fmt.Errorf("store: %w", err)
	}
	return err
}
