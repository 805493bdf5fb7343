package store

import (
	"context"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// onBoth names the database of the first server and that of the second, of which
// the one that can be written is used.
func onBoth(t *testing.T, first, second string) string {
	t.Helper()
	u, other := must(url.Parse(first))(t), must(url.Parse(second))(t)
	q := u.Query()
	q.Set("host", q.Get("host")+","+other.Query().Get("host"))
	q.Set("target_session_attrs", "read-write")
	u.RawQuery = q.Encode()
	return u.String()
}

// A standby is refused, with what to name instead, and after a failover a store that
// knows both servers goes on at the one that was promoted, with all it had.
func TestPostgresStandby(t *testing.T) {
	primary := must(pgtest.Start("fsync=off"))(t)
	t.Cleanup(func() { _ = primary.Close() })
	standby := must(primary.Standby())(t)
	t.Cleanup(func() { _ = standby.Close() })

	s, err := Open(t.Context(), standby.DSN("postgres"), Options{})
	if err == nil {
		t.Fatal("opened a standby, ", s.Close())
	}
	if !strings.Contains(err.Error(), "it is a standby") || !strings.Contains(err.Error(), "target_session_attrs=read-write") {
		t.Error(err)
	}

	s = openStore(t, onBoth(t, standby.DSN("postgres"), primary.DSN("postgres")), Options{})
	kept := s.addUser(t)
	eventually(t, "replicated", func() bool {
		return standby.Exec(t.Context(), "postgres", "SELECT 1/count(*) FROM users WHERE id = '"+kept.ID+"'") == nil
	})
	primary.Kill()
	if err := standby.Exec(t.Context(), "postgres", "SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	eventually(t, "written after the failover", func() bool {
		return s.try(func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, newUser()) }) == nil
	})
	t.Logf("written %v after the promotion", time.Since(begun))
	if _, err := s.User(t.Context(), kept.ID); err != nil {
		t.Error(err)
	}
}
