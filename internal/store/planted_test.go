package store

import (
	"crypto/rand"
	"strings"
	"sync"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// plant makes functions and operators, in the schema of our tables, that PostgreSQL
// prefers to its own wherever a statement names neither schema nor type. They fail.
const plant = `DO $$
DECLARE
	types text[] := '{int2,int4,int8,numeric,float8,text,varchar,name,oid}';
	l text; r text; op text; f text; n int := 0;
BEGIN
	FOREACH l IN ARRAY types LOOP FOREACH r IN ARRAY types LOOP
		FOREACH op IN ARRAY '{=,<>,<,<=,>,>=,~~,+,-,*,||}'::text[] LOOP
			CONTINUE WHEN EXISTS (SELECT FROM pg_operator WHERE oprname = op AND oprleft = l::regtype AND oprright = r::regtype);
			n := n + 1;
			EXECUTE format('CREATE FUNCTION public.planted%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS ''BEGIN RAISE ''''planted''''; END''',
				n, l, r, CASE WHEN op IN ('+', '-', '*') THEN 'numeric' WHEN op = '||' THEN 'text' ELSE 'bool' END);
			EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.planted%s)', op, l, r, n);
		END LOOP;
		FOREACH f IN ARRAY '{hashtextextended,pg_advisory_xact_lock,set_config,current_setting}'::text[] LOOP
			CONTINUE WHEN to_regprocedure(format('pg_catalog.%s(%s, %s)', f, l, r)) IS NOT NULL;
			EXECUTE format('CREATE FUNCTION public.%s(%s, %s) RETURNS bigint LANGUAGE plpgsql AS ''BEGIN RAISE ''''planted''''; END''', f, l, r);
		END LOOP;
	END LOOP;
	FOREACH f IN ARRAY '{floor,pg_advisory_xact_lock,lower,length,octet_length,to_regclass,quote_ident,current_setting,max,min,sum,count}'::text[] LOOP
		CONTINUE WHEN to_regprocedure(format('pg_catalog.%s(%s)', f, l)) IS NOT NULL;
		EXECUTE format('CREATE FUNCTION public.%s(%s) RETURNS bigint LANGUAGE plpgsql AS ''BEGIN RAISE ''''planted''''; END''', f, l);
	END LOOP;
	END LOOP;
END $$`

var planting struct {
	once sync.Once
	err  error
}

const (
	plantedDatabase = "planted"
	plantingRole    = "planter"
)

// newPlanted creates a database in which another role has planted what it can, and
// returns its DSN. It is dropped when the test ends.
func newPlanted(t testing.TB) string {
	t.Helper()
	server := pgtest.Shared(t)
	planting.once.Do(func() {
		planting.err = server.Exec(t.Context(), "postgres",
			"CREATE ROLE "+plantingRole, "CREATE DATABASE "+plantedDatabase+" TEMPLATE template0")
		if planting.err == nil {
			planting.err = server.Exec(t.Context(), plantedDatabase,
				"GRANT CREATE ON SCHEMA public TO "+plantingRole, "SET ROLE "+plantingRole, plant)
		}
	})
	if planting.err != nil {
		t.Fatal(planting.err)
	}
	return server.NewFrom(t, plantedDatabase)
}

// Another role that may create in a schema of the search path neither takes our
// names there nor goes unnoticed, nor one that owns a table of ours.
func TestPostgresOtherRolesDoNotGetOurNames(t *testing.T) {
	t.Parallel()
	server := pgtest.Shared(t)
	dsn := pgtest.New(t)
	name := dsn[strings.LastIndex(dsn, "/")+1 : strings.Index(dsn, "?")]
	if found := openStore(t, dsn, Options{}).Intruders(); len(found) > 0 {
		t.Fatalf("in a database of its own: %q", found)
	}
	role := "role_" + strings.ToLower(rand.Text())
	err := server.Exec(t.Context(), name, "CREATE ROLE "+role, "CREATE SCHEMA before AUTHORIZATION "+role,
		"CREATE TABLE before.developers (id text)", "CREATE TABLE before.windows (id text)",
		"ALTER DATABASE "+name+" SET search_path = public, before", "GRANT CREATE ON SCHEMA public TO "+role,
		"ALTER TABLE workouts OWNER TO "+role)
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t, dsn, Options{}).unhurried()
	everythingComesBack(t, s)
	var path string
	if err := s.pools.readers.QueryRowContext(t.Context(), "SHOW search_path").Scan(&path); err != nil || path != "public, pg_temp" {
		t.Errorf("names are looked up in %q, %v", path, err)
	}
	found := strings.Join(s.Intruders(), "\n")
	for _, says := range []string{
		role + " may create functions in the schema public", "REVOKE CREATE ON SCHEMA public FROM " + role,
		"the table workouts belongs to " + role, "ALTER TABLE public.workouts OWNER TO",
	} {
		if !strings.Contains(found, says) {
			t.Errorf("%q is not in:\n%s", says, found)
		}
	}
	if err := server.Exec(t.Context(), name, "GRANT CREATE ON SCHEMA public TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	if found := strings.Join(openStore(t, dsn, Options{}).Intruders(), "\n"); !strings.Contains(found, "FROM PUBLIC") {
		t.Errorf("that everybody may create is not in:\n%s", found)
	}
}

// A database whose search path names no schema is refused with what to change.
func TestPostgresWithoutASchemaIsRefused(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), pgtest.New(t)+"&search_path=nowhere", Options{})
	if err == nil {
		t.Fatal("opened, ", s.Close())
	}
	if !strings.Contains(err.Error(), "add search_path=NAME") {
		t.Error(err)
	}
}
