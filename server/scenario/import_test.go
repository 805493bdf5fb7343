package scenario_test

import (
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/crypto/bcrypt"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

// bring imports a batch as the command does.
func (n *node) bring(t *testing.T, b auth.ImportBatch) auth.ImportResult {
	t.Helper()
	r, err := n.server.Auth().Imports.Import(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func randomDigits(n int) string {
	raw := make([]byte, n/2)
	rand.Read(raw)
	return hex.EncodeToString(raw)
}

// An address that has guessed too often has nothing more compared by bcrypt, which is
// dear, and learns of the right secret as little as of a wrong one.
func TestGuessesAtImportedSecretsAreLimited(t *testing.T) {
	t.Parallel()
	n := start(t, smallLimits)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	app, secret := "app_"+randomDigits(32), "secret_"+randomDigits(64)
	hash, err := bcrypt.GenerateFromPassword([]byte(secret), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	n.bring(t, auth.ImportBatch{Kind: auth.ImportedApplication, Applications: []auth.ImportApplication{{
		ID: uuid.NewString(), AppID: app, Name: "phone", SecretHash: string(hash), CreatedAt: n.clock.now(),
	}}})
	exchange := func(secret, address string) answer {
		return d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret}, forwardedFor(address))
	}
	compared := func() bool {
		var kept string
		n.query(t, func(db *sql.DB) error {
			return db.QueryRowContext(t.Context(), "SELECT secret FROM imports WHERE kind = 'application'").Scan(&kept)
		})
		return !strings.HasPrefix(kept, "$2")
	}
	for range 7 {
		exchange("secret_"+randomDigits(64), "192.0.2.1").want(t, 401, "invalid_app_credentials")
	}
	exchange(secret, "192.0.2.1").want(t, 429, "rate_limited")
	if compared() {
		t.Error("a guess too many was compared")
	}
	exchange(secret, "192.0.2.2").want(t, 200, "")
	if !compared() {
		t.Error("the right secret was not kept our way")
	}
	n.clock.advance(time.Minute)
	exchange(secret, "192.0.2.1").want(t, 200, "")
}

// bcrypt knows the first 72 bytes of a password. Whoever mistypes what follows is let in,
// as before, and can still log in with the right one.
func TestImportedPasswordsThatBcryptCuts(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	right := strings.Repeat("long password ", 6)
	hash, err := bcrypt.GenerateFromPassword([]byte(right[:72]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	n.bring(t, auth.ImportBatch{Kind: auth.ImportedDeveloper, Developers: []auth.ImportDeveloper{{
		Developer:    auth.Developer{ID: uuid.NewString(), Email: "long@example.com", CreatedAt: n.clock.now(), UpdatedAt: n.clock.now()},
		PasswordHash: string(hash),
	}}})
	for _, password := range []string{right + "typo", right, right[:72], right} {
		d.call(t, "Login", args{"email": "long@example.com", "password": password}).want(t, 200, "")
	}
	d.call(t, "Login", args{"email": "long@example.com", "password": "x" + right}).want(t, 401, "invalid_credentials")
}

// What a developer minted ends with the developer. A token that was refreshed there since
// comes with no later import.
func TestImportedTokensEndWithTheirDeveloper(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	hash, err := bcrypt.GenerateFromPassword([]byte("whatever"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	developers := map[string]string{}
	for _, name := range []string{"disabled", "deleted", "present"} {
		developers[name] = uuid.NewString()
		n.bring(t, auth.ImportBatch{Kind: auth.ImportedDeveloper, Developers: []auth.ImportDeveloper{{
			Developer:    auth.Developer{ID: developers[name], Email: name + "@example.com", CreatedAt: n.clock.now(), UpdatedAt: n.clock.now()},
			PasswordHash: string(hash),
		}}})
	}
	developers["unknown"] = uuid.NewString()
	ended := n.server.Auth().Developers
	if err := errors.Join(ended.Disable(t.Context(), "disabled@example.com"), ended.Delete(t.Context(), "deleted@example.com")); err != nil {
		t.Fatal(err)
	}
	for name, id := range developers {
		token := "rt-" + randomDigits(32)
		r := n.bring(t, auth.ImportBatch{Kind: auth.ImportedSession, Sessions: []auth.ImportToken{{
			TokenDigest: credential.ImportDigest(token), UserID: user, AppID: "admin:" + id, CreatedAt: n.clock.now(),
		}}})
		want := map[bool]int{true: 401, false: 200}[name == "disabled" || name == "deleted"]
		got := d.call(t, "RefreshToken", args{"refresh_token": token})
		if got.Status != want || (want == 401) != (len(r.Odd) == 1) {
			t.Errorf("%s: %d, want %d: %+v", name, got.Status, want, r)
		}
	}
}
