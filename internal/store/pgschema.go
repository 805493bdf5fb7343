package store

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// pgSchema is the schema of PostgreSQL that holds our tables: the first of the
// search path in which they are, or where they would be made. Each connection
// looks up names there alone, since who may create functions, operators or tables
// in another schema of the path could run code as this server. Behind a pooler no
// setting stays with a connection; there it holds that our statements name the
// schema of each function, and give each operator the types that it is made for.
// Safe for concurrent use.
type pgSchema struct {
	pooled bool
	name   atomic.Pointer[string] // quoted
}

// findSchema is written to be safe under any search path.
const findSchema = `SELECT coalesce(
	(SELECT c.relnamespace::pg_catalog.regnamespace::pg_catalog.text FROM pg_catalog.pg_class c
		WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass('migrations')::pg_catalog.oid),
	pg_catalog.quote_ident(pg_catalog.current_schema()), '')`

// enter makes the connection look up names in the schema alone.
func (s *pgSchema) enter(ctx context.Context, c *pgx.Conn) error {
	if s.name.Load() == nil {
		results, err := c.PgConn().Exec(ctx, findSchema).ReadAll()
		if err != nil {
			return err
		}
		name := string(results[0].Rows[0][0])
		if name == "" {
			return refused("the search_path of the user in --database names no schema that exists: add search_path=NAME to --database")
		}
		s.name.Store(&name)
	}
	if s.pooled {
		return nil
	}
	_, err := c.PgConn().Exec(ctx, "SET search_path = "+*s.name.Load()+", pg_temp").ReadAll()
	return err
}

// trustedRoles are those who could run code as this server in any case.
const trustedRoles = `trusted AS (
	SELECT r.oid FROM pg_catalog.pg_roles r, pg_catalog.pg_namespace n, pg_catalog.pg_database d
	WHERE n.oid = $1::pg_catalog.regnamespace::oid AND d.datname = pg_catalog.current_database()
	AND (r.rolsuper OR r.oid = n.nspowner OR r.oid = d.datdba OR r.rolname = current_user OR r.rolname = 'pg_database_owner'))`

const (
	mayCreate = `WITH ` + trustedRoles + ` SELECT DISTINCT CASE WHEN a.grantee = 0::oid THEN 'PUBLIC' ELSE a.grantee::pg_catalog.regrole::text END
		FROM pg_catalog.pg_namespace n, pg_catalog.aclexplode(n.nspacl) a
		WHERE n.oid = $1::pg_catalog.regnamespace::oid AND a.privilege_type = 'CREATE' AND a.grantee NOT IN (SELECT oid FROM trusted)`
	ownsTable = `WITH ` + trustedRoles + ` SELECT c.relname::text, c.relowner::pg_catalog.regrole::text FROM pg_catalog.pg_class c
		WHERE c.relnamespace = $1::pg_catalog.regnamespace::oid AND c.relname::text = ANY ($2::text[])
		AND c.relowner NOT IN (SELECT oid FROM trusted) ORDER BY 1`
)

const lacksRights = `SELECT c.relname::text FROM pg_catalog.pg_class c
	WHERE c.relnamespace = $1::pg_catalog.regnamespace::oid AND c.relname::text = ANY ($2::text[]) AND c.relkind = 'r'
	AND NOT (pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT')) ORDER BY 1`

// checkRights refuses tables of ours that the user may not read or write, as where
// another one migrated.
func (s *pgSchema) checkRights(ctx context.Context, pool *sql.DB) error {
	name := *s.name.Load()
	tables, err := column[string](ctx, pool, lacksRights, name, ourTables())
	if err != nil || len(tables) == 0 {
		return err
	}
	return refused(fmt.Sprintf("the user in --database may not use the tables %s: GRANT SELECT, INSERT, UPDATE, DELETE "+
		"ON ALL TABLES IN SCHEMA %s to it, as their owner", strings.Join(tables, ", "), name))
}

// intruders says of each other role that could run code as this server what it may
// do, and how to end that.
func (s *pgSchema) intruders(ctx context.Context, pool *sql.DB) (all []string, err error) {
	name := *s.name.Load()
	creators, err := column[string](ctx, pool, mayCreate, name)
	if err != nil {
		return nil, err
	}
	for _, role := range creators {
		all = append(all, fmt.Sprintf("%s may create functions in the schema %s, and through them run code as this server: "+
			"REVOKE CREATE ON SCHEMA %s FROM %s", role, name, name, role))
	}
	rows, err := pool.QueryContext(ctx, ownsTable, name, ourTables())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var table, owner string
		if err := rows.Scan(&table, &owner); err != nil {
			return nil, err
		}
		all = append(all, fmt.Sprintf("the table %s belongs to %s, who can run code as this server through it: "+
			"ALTER TABLE %s.%s OWNER TO the user in --database or the owner of the schema", table, owner, name, table))
	}
	return all, rows.Err()
}

// column returns the only column of a query's rows.
func column[T any](ctx context.Context, pool *sql.DB, query string, args ...any) (all []T, err error) {
	rows, err := pool.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var v T
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, rows.Err()
}

var createdTable = regexp.MustCompile(`(?m)^CREATE (?:/\* unlogged \*/ )?TABLE (\w+)`)

// ourTables returns the tables that the migrations make, and their own.
func ourTables() []string {
	names := []string{"migrations"}
	for _, m := range migrations {
		for _, match := range createdTable.FindAllStringSubmatch(m.script, -1) {
			names = append(names, match[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
