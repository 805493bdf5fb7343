package store

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// A role's password that is replaced, in the database and in the passfile, costs
// no restart, although every connection ends.
func TestPostgresPasswordIsReadAnew(t *testing.T) {
	t.Parallel()
	server, dsn := pgtest.Shared(t), pgtest.New(t)
	role, passfile := "role_"+strings.ToLower(rand.Text()), filepath.Join(t.TempDir(), "pgpass")
	u := must(url.Parse(dsn))(t)
	name := strings.TrimPrefix(u.Path, "/")
	change := func(password string) {
		t.Helper()
		err := server.Exec(t.Context(), name, "ALTER ROLE "+role+" PASSWORD '"+password+"'",
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+role+"'")
		if err != nil {
			t.Fatal(err)
		}
	}
	write := func(password string) {
		t.Helper()
		if err := os.WriteFile(passfile, []byte("*:*:*:"+role+":"+password+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err := server.Exec(t.Context(), name, "CREATE ROLE "+role+" LOGIN PASSWORD 'first'", "ALTER DATABASE "+name+" OWNER TO "+role)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Exec(context.Background(), name, "ALTER DATABASE "+name+" OWNER TO CURRENT_USER"); err != nil {
			t.Error(err)
		}
	})
	write("first")
	query := u.Query()
	query.Set("passfile", passfile)
	u.User, u.RawQuery = url.User(role), query.Encode()
	s := openStore(t, u.String(), Options{})
	for _, password := range []string{"second", "third"} {
		change(password)
		eventually(t, "refused", func() bool {
			return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) }) != nil
		})
		write(password)
		eventually(t, "back with the next password", func() bool {
			return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) }) == nil
		})
	}
}
