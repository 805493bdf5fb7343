package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
)

// postgresEngine keeps the database on a PostgreSQL server. Any number of
// processes may use it at once. What a transaction reads is locked: rows by row
// locks, missing rows by an advisory lock.
var postgresEngine = engine{
	name:    "postgres",
	dialect: func() schema.Dialect { return pgdialect.New() },
	open:    openPostgres,
	serve:   servePostgres,
	// A migration waits for another one for as long as that takes, but only
	// shortly for tables in use, since requests queue up behind it.
	migrate: "BEGIN; SET LOCAL statement_timeout = 0; SELECT pg_catalog.pg_advisory_xact_lock(" + migrationLock + "); " +
		"SET LOCAL lock_timeout = '500ms'",
	text:       `TEXT COLLATE "C"`,
	unlogged:   "UNLOGGED",
	lock:       "UPDATE",
	skip:       " FOR UPDATE SKIP LOCKED",
	byIndex:    "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off",
	lockName:   "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(?, 0::bigint))",
	classify:   classifyPostgres,
	containing: containingPostgres,
	argument:   func(n int) string { return "$" + strconv.Itoa(n) },
}

// migrationLock is the key of the advisory lock: an arbitrary number.
const migrationLock = "8017396215334907251"

// maxConnections limits the pool unless the DSN sets pool_max_conns.
const maxConnections = 16

// settings apply to each connection unless the DSN overrides them.
var settings = map[string]string{
	"application_name":                    "openwearables",
	"client_encoding":                     "UTF8",
	"statement_timeout":                   "1400", // ms; above the second after which PostgreSQL detects a deadlock
	"idle_in_transaction_session_timeout": "5000", // ms; frees the locks of a process that is gone
}

// What a pooler needs that may run each transaction on another connection.
const (
	poolerSetting = "ignore_startup_parameters = statement_timeout, idle_in_transaction_session_timeout"
	poolerMode    = "default_query_exec_mode=simple_protocol"
)

// CheckAddress returns the error of an open for what the address of a database says. It
// connects to nothing.
func CheckAddress(dsn string) error {
	e, rest, err := engineOf(dsn)
	if err == nil && e.name == postgresEngine.name {
		_, _, _, err = parsePostgres(rest)
	}
	return err
}

// parsePostgres returns the settings of the connections, the mode of statements that the
// DSN asks for, and the size of the pool.
func parsePostgres(dsn string) (config *pgx.ConnConfig, asked pgx.QueryExecMode, most int, err error) {
	if config, err = pgx.ParseConfig("postgres:" + dsn); err != nil {
		return nil, 0, 0, errForm // the error of the parser may hold parts of a password
	}
	asked = config.DefaultQueryExecMode // default_query_exec_mode: see poolerMode
	most, err = tune(config)
	return config, asked, most, err
}

func openPostgres(ctx context.Context, dsn string) (*pools, error) {
	config, prepareMode, most, err := parsePostgres(dsn)
	if err != nil {
		return nil, err
	}
	generation, schema := &connGeneration{}, &pgSchema{pooled: prepareMode == pgx.QueryExecModeSimpleProtocol}
	before := func(_ context.Context, next *pgx.ConnConfig) error {
		renew(next, dsn)
		return nil
	}
	after := func(ctx context.Context, c *pgx.Conn) error {
		generation.enter(c)
		return schema.enter(ctx, c)
	}
	pool := stdlib.OpenDB(*config,
		stdlib.OptionBeforeConnect(before),
		stdlib.OptionAfterConnect(after),
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }),
		stdlib.OptionResetSession(func(_ context.Context, c *pgx.Conn) error {
			if !generation.admits(c) {
				return driver.ErrBadConn
			}
			return nil
		}),
	)
	shared := most / 4
	pool.SetMaxOpenConns(most - shared)
	pool.SetMaxIdleConns(most - shared)
	pool.SetConnMaxIdleTime(maxIdle)
	pool.SetConnMaxLifetime(maxAge)
	p := &pools{readers: pool, writer: pool, exposed: exposed(config), generation: &generation.Int64, prepareMode: prepareMode}
	if p.risks, p.intruders, err = inspect(ctx, pool, schema); err != nil {
		return nil, errors.Join(explain(config, err), pool.Close())
	}
	if shared > 0 {
		p.openShared = func() (*pgxpool.Pool, error) {
			return openShared(config, shared, before, func(ctx context.Context, c *pgx.Conn) error {
				if err := after(ctx, c); err != nil || schema.pooled {
					return err
				}
				_, err := c.PgConn().Exec(ctx, planByIndex).ReadAll()
				return err
			}, generation)
		}
	}
	return p, nil
}

// How long a connection is kept: without work, and at all.
const (
	maxIdle = 5 * time.Minute
	maxAge  = time.Hour
)

// connGeneration is the generation of the connections that may still be used.
type connGeneration struct{ atomic.Int64 }

// enter makes a new connection one of the present generation.
func (g *connGeneration) enter(c *pgx.Conn) { c.PgConn().CustomData()["generation"] = g.Load() }

// admits reports whether the connection may still be used, and closes it if not.
func (g *connGeneration) admits(c *pgx.Conn) bool {
	if c.PgConn().CustomData()["generation"] == g.Load() {
		return true
	}
	_ = c.PgConn().Conn().Close() // without a farewell, which would wait for a peer that is gone
	return false
}

// renew replaces what the next connection proves itself by, with what the
// passfile, the service file and the files of the client certificate hold now: a
// password or certificate may have been replaced since the start. It changes
// nothing if they cannot be read, as while one is being written.
func renew(next *pgx.ConnConfig, dsn string) {
	now, err := pgx.ParseConfig("postgres:" + dsn)
	if err != nil {
		return
	}
	next.User, next.Password = now.User, now.Password
	next.Host, next.Port, next.TLSConfig, next.Fallbacks = now.Host, now.Port, now.TLSConfig, now.Fallbacks
}

// tune completes the settings of the connections and returns the size of the
// pool.
func tune(config *pgx.ConnConfig) (most int, err error) {
	for name, value := range settings {
		if _, ok := config.RuntimeParams[name]; !ok {
			config.RuntimeParams[name] = value
		}
	}
	most = maxConnections
	if asked, ok := config.RuntimeParams["pool_max_conns"]; ok {
		if most, err = strconv.Atoi(asked); err != nil || most < 2 {
			return 0, errors.New("pool_max_conns of the database must be a number from 2 on")
		}
		delete(config.RuntimeParams, "pool_max_conns")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = acquireTimeout
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // for bun's statements, whose texts rarely repeat
	config.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 10 * time.Second, Interval: 2 * time.Second, Count: 3,
	}}).DialContext
	return most, nil
}

// inspect connects, refuses a database that cannot be served, and returns the
// risks of its settings, and those of its other roles.
func inspect(ctx context.Context, pool *sql.DB, schema *pgSchema) (risks, intruders []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	var encoding, readOnly string
	var standby bool
	err = pool.QueryRowContext(ctx, "SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.pg_is_in_recovery(), "+
		"pg_catalog.current_setting('transaction_read_only')").Scan(&encoding, &standby, &readOnly)
	switch {
	case err != nil:
		return nil, nil, err
	case encoding != "UTF8":
		return nil, nil, refused("its encoding is " + encoding + ": make it with CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0")
	case readOnly == "on" && !standby:
		return nil, nil, refused("it admits no writes: set default_transaction_read_only = off for it and for the user in --database")
	case standby:
		return nil, nil, refused("it is a standby, which cannot be written: name the primary, or add target_session_attrs=read-write")
	}
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := pool.QueryRowContext(ctx, "SELECT pg_catalog.current_setting($1)", name).Scan(&value); err != nil {
			return nil, nil, err
		}
		if value == "off" {
			risks = append(risks, fmt.Sprintf("PostgreSQL runs with %s = off, so that what was acknowledged may be lost in a crash: set %s = on in postgresql.conf and reload", name, name))
		}
	}
	if err := schema.checkRights(ctx, pool); err != nil {
		return nil, nil, err
	}
	intruders, err = schema.intruders(ctx, pool)
	return risks, intruders, err
}

// exposed says what to change if a connection may leave this machine without
// verifying the server; "" if none does.
func exposed(config *pgx.ConnConfig) string {
	for _, to := range append([]*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}, config.Fallbacks...) {
		ip, _ := netip.ParseAddr(to.Host) // on failure the zero address, which is not a loopback
		local := strings.HasPrefix(to.Host, "/") || to.Host == "localhost" || ip.IsLoopback()
		proved := to.TLSConfig != nil && (!to.TLSConfig.InsecureSkipVerify || to.TLSConfig.VerifyPeerCertificate != nil)
		if !local && !proved {
			return fmt.Sprintf("others on the way to PostgreSQL at %s could read along or stand in for it: "+
				"add sslmode=verify-full, and sslrootcert=FILE for an authority of your own, to --database", to.Host)
		}
	}
	return ""
}

// refused says why a database that is reachable cannot be served.
type refused string

func (e refused) Error() string { return string(e) }

// explain adds to the error of a database that does not open what to change.
// The result holds no part of the password.
func explain(config *pgx.ConnConfig, err error) error {
	at := fmt.Sprintf("the database %q at %s", config.Database, net.JoinHostPort(config.Host, strconv.Itoa(int(config.Port))))
	why, code := err, ""
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		why, code = errors.New(e.Message), e.Code
	} else if e, ok := errors.AsType[*net.OpError](err); ok {
		why = e
	}
	change := "see that PostgreSQL runs and that host and port in --database are right"
	switch _, own := errors.AsType[refused](err); {
	case own:
		return fmt.Errorf("store: %s cannot be served: %w", at, err)
	case strings.HasPrefix(code, "28"):
		change = fmt.Sprintf("correct user and password in --database, or let the user %q in in pg_hba.conf", config.User)
	case strings.HasPrefix(why.Error(), "unsupported startup parameter"):
		change = "let PgBouncer take it: " + poolerSetting + " in pgbouncer.ini, and " + poolerMode + " in --database"
	case code == "3D000":
		change = fmt.Sprintf("make it with CREATE DATABASE %q, or correct the name in --database", config.Database)
	case code == "53300":
		change = "raise max_connections of PostgreSQL, or lower pool_max_conns in --database"
	case errors.Is(err, context.DeadlineExceeded):
		why = errors.New("no answer in time")
	}
	return fmt.Errorf("store: %s does not open (%s): %s", at, strings.Join(strings.Fields(why.Error()), " "), change)
}

// meanings of PostgreSQL's error codes, and of classes of them.
var meanings = map[string]fault{
	"40001": contended, "40P01": contended, "55P03": contended,
	"0A000": contended, // the tables of a cached plan have changed; it is prepared again
	"23505": taken, "23503": dangling,
	"22021": unstorable,
	"42501": denied,
	"25006": transient,                                                             // read-only: the primary has become a standby
	"57014": transient,                                                             // the statement took too long
	"25P03": transient,                                                             // and so did the transaction
	"57P01": transient, "57P02": transient, "57P03": transient, "57P05": transient, // it stops or starts
	"08": transient, "28": transient, "3D": transient, "53": transient, "58": transient,
}

// fullPause is how long a call waits for a connection that the database refused,
// before it asks again.
const fullPause = 10 * time.Millisecond

// isFull reports whether the database or the user has all the connections that it
// may have.
func isFull(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && e.Code == "53300"
}

func classifyPostgres(err error) (fault, string) {
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		if _, ok := errors.AsType[*pgconn.ConnectError](err); ok || pgconn.Timeout(err) || pgconn.SafeToRetry(err) {
			return transient, ""
		}
		return broken, ""
	}
	kind, ok := meanings[e.Code]
	if !ok && len(e.Code) == 5 {
		kind = meanings[e.Code[:2]]
	}
	if kind == taken { // PostgreSQL's name of a UNIQUE constraint on one column
		column := strings.TrimSuffix(strings.TrimPrefix(e.ConstraintName, e.TableName+"_"), "_key")
		return taken, e.TableName + "." + column
	}
	return kind, ""
}
