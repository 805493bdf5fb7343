package main_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
)

// A backend's database that somebody else may write to can neither break this one nor the
// terminal: a row is left out if it cannot be here, or has what can, and the report says so.
func TestImportHoldsRowsToTheRules(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		b.exec(`ALTER TABLE "user" ALTER COLUMN first_name TYPE text`)
		b.exec(`ALTER TABLE application ALTER COLUMN app_id TYPE text`)
		b.developer("ann", "ann@example.com", theirPassword)
		b.developer("odd", "no address", theirPassword)
		app, secret := b.application("a\x1b[2Jb", idOf("ann"))
		good := b.user("good", "good@example.com", "u-1")
		bad := b.user("escape\x1b[2J", "a\u202eb@example.com", "x\u0085")
		eternal, late, large := b.user("eternal", nil, nil), b.user("late", nil, nil), b.user("large", nil, nil)
		b.exec(`UPDATE "user" SET created_at = 'infinity' WHERE id = $1`, eternal)
		b.exec(`UPDATE "user" SET created_at = '20000-01-01' WHERE id = $1`, late)
		b.exec(`UPDATE "user" SET first_name = repeat('x', 3000000) WHERE id = $1`, large)
		b.exec(`INSERT INTO user_connection VALUES ($1, $2, 'garmin', 'active', 'infinity', 'x', 'y')`, idOf("c"), good)
		b.exec(`INSERT INTO application VALUES ($1, $2, $3, 'x', NULL, now(), now())`, idOf("x"), "app_\x1b]0;x\a", b.hash("x"))
		key, other := b.key("k\x1b[2Jey", idOf("ann")), b.key("other", idOf("ann"))
		if b.generation == "0.8" {
			b.exec(`UPDATE api_key SET key_prefix = E'\x1b]0;own\x07' WHERE id = $1`, idOf(other))
		}
		token := b.token("sdk", good, app)
		b.exec(`UPDATE refresh_token SET created_at = '-infinity' WHERE id = $1`, token)
		b.invitation("eve", "eve", "pending", time.Now().Add(time.Hour), idOf("ann"))

		dry, applied := i.bring(b), i.bring(b, "--apply")
		for _, report := range []string{dry, applied} {
			if strings.ContainsFunc(report, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }) {
				t.Errorf("a terminal obeys %q", report)
			}
			wantCounts(t, report, "developers", "1", "0", "0", "0", "1")
			for _, what := range []string{
				"developer " + idOf("odd") + " its email ", "user " + eternal + " its created_at ", "user " + late + " its created_at ",
				"user number 3 is larger", "user " + bad + " its first_name ", "user " + bad + " its email ", "application " + app + " its name ",
				"invitation " + idOf("eve") + " its email ",
			} {
				if !strings.Contains(report, "odd  "+what) {
					t.Errorf("nothing of %q in\n%s", what, report)
				}
			}
		}
		again := i.bring(b, "--apply")
		wantCounts(t, again, "users", "0", "0", "2", "0", "5")
		wantCounts(t, again, "API keys", "0", "0", "2", "0", "1")
		p := i.serve()
		admin := p.login("ann@example.com", theirPassword).access
		users, _ := p.want(200, "GET", "/api/v1/users", key, nil).body["items"].([]any)
		if len(users) != 2 {
			t.Errorf("there are %d users", len(users))
		}
		for _, shown := range p.list("/api/v1/api-keys", admin) {
			if name, _ := shown["name"].(string); name != "other" && name != "Imported" {
				t.Error(shown)
			}
		}
		p.want(200, "POST", "/api/v1/users/"+good+"/token", "", map[string]string{"app_id": app, "app_secret": secret})
		p.want(200, "GET", "/api/v1/users/"+good, other, nil)
	})
}
