package scenario_test

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// databaseBytes returns the size of the SQLite database with its write-ahead log.
func (n *node) databaseBytes(t *testing.T) (size int64) {
	t.Helper()
	for _, path := range []string{n.database, n.database + "-wal"} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
	}
	return size
}

// foreignRefreshToken returns a refresh token of another installation: its form and checksum are
// right, its MAC is not.
func foreignRefreshToken(t *testing.T) string {
	t.Helper()
	vault, err := credential.NewVault([]byte(rand.Text() + rand.Text()))
	if err != nil {
		t.Fatal(err)
	}
	return vault.RefreshToken([16]byte{1}, 1, credential.NewSeed())
}

// TestForeignSecretsAreNotRecorded checks that what is not of this server's making leaves no audit
// row and writes nothing to the disk, however it is presented, and that it is counted.
func TestForeignSecretsAreNotRecorded(t *testing.T) {
	t.Parallel()
	n := startOnSQLite(t, unlimited)
	d := n.roundRobin()
	admin, refresh := n.login(t, d)
	user := n.newUser(t, d, admin)
	app, _ := n.newApp(t, d, admin)
	mint := func(app, secret string) args {
		return args{"user_id": user, "app_id": app, "app_secret": secret}
	}
	altered := refresh[:len(refresh)-1] + string('a'+(refresh[len(refresh)-1]-'a'+1)%26)
	kinds := []struct {
		operation string
		in        args
		status    int
		o         []option
	}{
		{"RefreshToken", args{"refresh_token": "x"}, 401, nil},
		{"RefreshToken", args{"refresh_token": altered}, 401, nil},
		{"RefreshToken", args{"refresh_token": foreignRefreshToken(t)}, 401, nil},
		{"RevokeToken", args{"refresh_token": "x"}, 204, nil},
		{"RevokeToken", args{"refresh_token": foreignRefreshToken(t)}, 204, nil},
		{"ReportCredential", args{"credential": foreignRefreshToken(t)}, 204, nil},
		{"ReportCredential", args{"credential": credential.Mint(credential.LiveKey)}, 204, nil},
		{"ReportCredential", args{"credential": credential.Mint(credential.AppSecret)}, 204, nil},
		{"RefreshToken", args{}, 401, []option{header("Cookie", "__Host-ow_refresh=x")}},
		{"CreateUserToken", mint(app, "secret_x"), 401, nil},
		{"CreateUserToken", mint("app_x", credential.Mint(credential.AppSecret)), 401, nil},
		{"CreateUserToken", mint(credential.Mint(credential.AppID), credential.Mint(credential.AppSecret)), 401, nil},
		{"ListKeys", args{}, 401, []option{bearer("ow_live_x")}},
	}
	rows, size := len(n.auditRows(t)), n.databaseBytes(t)
	const each = 40
	for range each {
		for _, k := range kinds {
			if a := d.call(t, k.operation, k.in, k.o...); a.Status != k.status {
				t.Fatalf("%s with %v is %d %s, want %d", k.operation, k.in, a.Status, a.Reason, k.status)
			}
		}
	}
	if left := len(n.auditRows(t)) - rows; left != 0 {
		t.Errorf("%d calls left %d audit rows", each*len(kinds), left)
	}
	// The last use of the login may be written meanwhile: a page or two.
	if grown := n.databaseBytes(t) - size; grown > 16<<10 {
		t.Errorf("%d calls wrote %d bytes", each*len(kinds), grown)
	}
}

// TestRefusalsOfAnAddressAreSummed checks that an address which is refused again and again leaves a
// few rows and their sum, and hides nobody else's.
func TestRefusalsOfAnAddressAreSummed(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindProxy)
	d := n.roundRobin()
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	app, secret := n.newApp(t, d, admin)
	_, spent := n.exchange(t, d, user, app, secret)
	d.call(t, "RevokeUserTokens", args{"user_id": user}, bearer(admin)).want(t, 204, "")
	from := func(address string) option { return header("X-Forwarded-For", address) }
	wrong := args{"user_id": user, "app_id": app, "app_secret": credential.Mint(credential.AppSecret)}
	const callers, each, many = 8, 75, 8 * 75
	concurrently(callers, func(i int) {
		for range each {
			if a := d.call(t, "CreateUserToken", wrong, from("192.0.2.1")); a.Status != 401 {
				t.Errorf("a wrong secret is %d", a.Status)
			}
			if a := d.call(t, "RefreshToken", args{"refresh_token": spent}, from(fmt.Sprintf("2001:db8::%x", i))); a.Status != 401 {
				t.Errorf("a token of an ended session is %d", a.Status)
			}
		}
	})
	d.call(t, "CreateUserToken", wrong, from("192.0.2.2")).want(t, 401, "invalid_app_credentials")
	n.clock.advance(time.Minute)
	n.stop() // writes the sums
	n.query(t, func(db *sql.DB) error {
		for _, c := range []struct {
			action, ip string
			rows, sum  int
		}{
			{"token.mint", "192.0.2.1", 6, many},
			{"token.mint", "192.0.2.2", 1, 1},
			{"session.refresh", "2001:db8::%", 6, many},
		} {
			var rows, sum int
			err := db.QueryRow("SELECT count(*), coalesce(sum(occurrences), 0) FROM audit_events WHERE action = $1 AND outcome <> 'ok' AND ip LIKE $2", c.action, c.ip).Scan(&rows, &sum)
			if err != nil {
				return err
			}
			if rows != c.rows || sum != c.sum {
				t.Errorf("%s from %s left %d rows of %d refusals, want %d of %d", c.action, c.ip, rows, sum, c.rows, c.sum)
			}
		}
		return nil
	})
}

// TestClientNamesAreBoundedInBytes checks that a User-Agent of long characters takes no more of an
// audit row than one of short ones.
func TestClientNamesAreBoundedInBytes(t *testing.T) {
	t.Parallel()
	n := start(t)
	for name, want := range map[string]string{
		strings.Repeat("🏃", 500):       strings.Repeat("🏃", 63),
		"a" + strings.Repeat("🏃", 500): "a" + strings.Repeat("🏃", 63),
		strings.Repeat("x", 500):       strings.Repeat("x", 255),
	} {
		n.drivers()[0].call(t, "Login", args{"email": n.email, "password": n.password}, header("User-Agent", name)).want(t, 200, "")
		rows := n.auditRows(t)
		if got := rows[len(rows)-1].client; got != want {
			t.Errorf("a name of %d bytes is kept as %d bytes: %q", len(name), len(got), got)
		}
	}
}
