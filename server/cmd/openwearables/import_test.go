package main_test

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

const theirPassword = "eight ch" // eight characters were enough

// eachTarget runs the test for each generation of a backend, and each database.
func eachTarget(t *testing.T, test func(t *testing.T, i *installation, b *backend)) {
	t.Parallel()
	for generation := range maps.Keys(backendKeys) {
		for _, database := range []string{"sqlite", "postgres"} {
			t.Run(generation+" to "+database, func(t *testing.T) {
				t.Parallel()
				i := install(t)
				if database == "postgres" {
					i.env = append(i.env, "OPENWEARABLES_DATABASE="+pgtest.New(t), "OPENWEARABLES_SECRET="+rand.Text()+rand.Text())
				}
				test(t, i, newBackend(t, generation))
			})
		}
	}
}

// bring imports from the backend and returns the report, which holds no secret.
func (i *installation) bring(b *backend, args ...string) string {
	i.t.Helper()
	out := i.ok("", append([]string{"import", "open-wearables", "--from", b.dsn}, args...)...)
	b.silent(out)
	return out
}

// line returns the words of the line of a report about what is imported.
func line(t testing.TB, report, title string) []string {
	t.Helper()
	for l := range strings.Lines(report) {
		if rest, ok := strings.CutPrefix(l, title+" "); ok {
			return strings.Fields(rest)
		}
	}
	t.Fatalf("nothing about %q in\n%s", title, report)
	return nil
}

// wantCounts holds the counts of a line against those given: new, changed, the same,
// ended, odd.
func wantCounts(t testing.TB, report, title string, counts ...string) {
	t.Helper()
	if got := line(t, report, title); !slices.Equal(got, counts) {
		t.Errorf("%s: %q, want %q in\n%s", title, got, counts, report)
	}
}

// Everything that a client of a backend holds goes on working after the import.
func TestImportedCredentialsWork(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		b.developer("ann", "Ann@example.com", theirPassword)
		app, secret := b.application("phone", idOf("ann"))
		user := b.user("ulla", "Ulla@Example.com", "u-1")
		b.exec(`INSERT INTO user_connection VALUES ($1, $2, 'garmin', 'active', $3, 'x', 'y')`, idOf("c"), user, backendEpoch)
		key, token := b.key("backend", idOf("ann")), b.token("sdk", user, app)
		minted := b.token("sdk", user, "admin:"+idOf("ann"))
		b.token("developer", "", nil)
		invited := b.invitation("bob", "bob@example.com", "sent", time.Now().Add(time.Hour), idOf("ann"))
		wantCounts(t, i.bring(b), "refresh tokens", "2", "0", "0", "0", "0")
		report := i.bring(b, "--apply")
		if !strings.Contains(report, "left out: 1 refresh tokens of developers") || !strings.Contains(report, map[string]string{"0.7": "0.6 or 0.7", "0.8": "0.8 or later"}[b.generation]) {
			t.Error(report)
		}
		p := i.serve()

		// The key, and one that is not known; then a new secret of it.
		for range 2 { // from the database, and from memory
			got := p.want(200, "GET", "/api/v1/users/"+user, key, nil)
			if got.str("email") != "Ulla@Example.com" || got.str("external_user_id") != "u-1" || got.str("last_synced_provider") != "garmin" {
				t.Error(got.body)
			}
		}
		p.want(401, "GET", "/api/v1/users", b.digits("sk-", 32), nil)
		p.want(401, "GET", "/api/v1/users", strings.ToUpper(key), nil)

		// A wrong password, twice the right one, and from then on our hash of it.
		wrong := map[string]string{"email": "ann@example.com", "password": "not this"}
		p.want(401, "POST", "/api/v1/auth/login", "", wrong)
		first := p.login("ann@example.com", theirPassword)
		p.login("Ann@example.com", theirPassword)
		p.want(401, "POST", "/api/v1/auth/login", "", wrong)
		refused := p.want(422, "POST", "/api/v1/auth/change-password", first.access, map[string]string{
			"current_password": theirPassword, "new_password": "nine char", "confirm_password": "nine char",
		})
		if !strings.Contains(refused.str("detail")+string(mustJSON(t, refused.body)), "at least 15 characters") {
			t.Error(refused.body)
		}

		// The application, with a wrong secret, and with the right one twice.
		exchange := func(status int, secret string) reply {
			return p.want(status, "POST", "/api/v1/users/"+user+"/token", "", map[string]string{"app_id": app, "app_secret": secret})
		}
		exchange(401, b.digits("secret_", 64))
		for range 2 {
			p.want(200, "GET", "/api/v1/users/"+user, exchange(200, secret).str("access_token"), nil)
		}

		// Each refresh token works once.
		for _, token := range []string{token, minted} {
			pair := p.want(200, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": token})
			p.want(200, "GET", "/api/v1/users/"+user, pair.str("access_token"), nil)
			p.want(401, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": token})
			p.want(200, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": pair.str("refresh_token")})
		}
		p.want(401, "POST", "/api/v1/token/refresh", "", map[string]string{"refresh_token": b.digits("rt-", 32)})

		p.want(201, "POST", "/api/v1/invitations/accept", "", map[string]string{
			"token": invited, "first_name": "Bob", "last_name": "B", "password": passphrase(),
		})

		// All of it is ours now: the key gets one of our secrets, and the old one ends.
		shown := p.list("/api/v1/api-keys", first.access)[0]
		if shown["key_prefix"] != key[:10] || shown["name"] != "backend" || shown["created_by"] != idOf("ann") {
			t.Error(shown)
		}
		id, _ := shown["id"].(string)
		rotated := p.want(201, "POST", "/api/v1/api-keys/"+id+"/rotate", first.access, nil).str("key")
		if !strings.HasPrefix(rotated, "ow_live_") {
			t.Errorf("the key begins with %.8q", rotated)
		}
		p.want(200, "GET", "/api/v1/users", rotated, nil)
		p.want(401, "GET", "/api/v1/users", key, nil)
		b.silent(p.stderr.String(), p.stdout.String())
	})
}

// list returns the items of a list that is an array.
func (p *process) list(path, token string) (items []map[string]any) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), "GET", p.url+path, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := (&http.Client{Timeout: requestTimeout}).Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&items); err != nil || len(items) == 0 {
		p.t.Fatalf("%s answered %d %v: %v", path, res.StatusCode, items, err)
	}
	return items
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
