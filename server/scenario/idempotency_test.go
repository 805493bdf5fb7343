package scenario_test

import (
	"crypto/rand"
	"database/sql"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/server"
)

// idempotentCall is a call that takes an Idempotency-Key, by one kind of caller.
type idempotentCall struct {
	operation     string
	in            args     // the request
	otherIn       args     // another request; nil if this caller has no other
	caller        []option // the caller
	otherCaller   []option // another caller of the same request; nil: see otherCallerIn
	otherCallerIn args
	retention     time.Duration
	effects       func() int // returns how often the call took effect so far
}

// idempotencyFixture holds what the idempotent calls need.
type idempotencyFixture struct {
	n            *node
	d            driver
	admin, other string // access tokens of two developers
	email        string // of the second developer
	key, rotated string // ids of a key and an application to rotate
	app, secret  string // an application that mints tokens
	webhook      string
	invitation   string
	user         string
	server       string // an API key's secret
}

func newIdempotencyFixture(t *testing.T, n *node, d driver) *idempotencyFixture {
	t.Helper()
	w := &idempotencyFixture{n: n, d: d, email: strings.ToLower(rand.Text()) + "@example.com"}
	n.addDeveloper(w.email, n.password)
	w.renewLogins(t)
	w.key, _ = n.newKey(t, d, w.admin, nil)
	_, w.server = n.newKey(t, d, w.admin, nil)
	w.rotated, _ = n.newApp(t, d, w.admin)
	w.app, w.secret = n.newApp(t, d, w.admin)
	w.webhook = d.call(t, "CreateWebhookEndpoint", args{"url": "https://example.com"}, bearer(w.admin)).want(t, 201, "").str("id")
	w.invitation = n.invite(t, d, w.admin).str("id")
	w.user = n.newUser(t, d, w.admin)
	return w
}

// renewLogins logs both developers in again.
func (w *idempotencyFixture) renewLogins(t *testing.T) {
	t.Helper()
	w.admin, _ = w.n.login(t, w.d)
	w.other = w.d.call(t, "Login", args{"email": w.email, "password": w.n.password}).want(t, 200, "").str("access_token")
}

// countEffects returns the number of audit rows of the action with the outcome "ok".
func (n *node) countEffects(t *testing.T, action string) int {
	t.Helper()
	var count int
	n.query(t, func(db *sql.DB) error {
		return db.QueryRow("SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'ok'", action).Scan(&count)
	})
	return count
}

// calls returns the operations that take an Idempotency-Key. CreateUserToken appears twice,
// once for each form.
func (w *idempotencyFixture) calls(t *testing.T) []idempotentCall {
	count := func(action string) func() int { return func() int { return w.n.countEffects(t, action) } }
	admin := []option{func(r *http.Request) { bearer(w.admin)(r) }} // reads w.admin at each call, since renewLogins changes it
	other := []option{func(r *http.Request) { bearer(w.other)(r) }}
	const day = 24 * time.Hour
	return []idempotentCall{
		{
			operation: "Login", in: args{"email": w.n.email, "password": w.n.password}, otherCallerIn: args{"email": w.email, "password": w.n.password},
			retention: 10 * time.Minute, effects: count("session.login"),
		},
		{
			operation: "CreateKey", in: args{"name": "a", "scopes": []string{"users:read"}}, otherIn: args{"name": "b", "scopes": []string{"users:read"}},
			caller: admin, otherCaller: other, retention: day, effects: count("key.create"),
		},
		{
			operation: "RotateKey", in: args{"id": w.key, "overlap_seconds": 60}, otherIn: args{"id": w.key, "overlap_seconds": 61},
			caller: admin, otherCaller: other, retention: day, effects: count("key.rotate"),
		},
		{
			operation: "CreateApplication", in: args{"name": "a"}, otherIn: args{"name": "b"},
			caller: admin, otherCaller: other, retention: day, effects: count("application.create"),
		},
		{
			operation: "RotateApplicationSecret", in: args{"app_id": w.rotated, "overlap_seconds": 60}, otherIn: args{"app_id": w.rotated},
			caller: admin, otherCaller: other, retention: day, effects: count("application.rotate"),
		},
		{
			operation: "CreateWebhookEndpoint", in: args{"url": "https://a.example.com"}, otherIn: args{"url": "https://b.example.com"},
			caller: admin, otherCaller: other, retention: day, effects: count("webhook.create"),
		},
		{
			operation: "RotateWebhookSecret", in: args{"id": w.webhook, "overlap_seconds": 60}, otherIn: args{"id": w.webhook},
			caller: admin, otherCaller: other, retention: day, effects: count("webhook.rotate"),
		},
		{
			operation: "ResendInvitation", in: args{"id": w.invitation}, otherIn: args{"id": w.n.invite(t, w.d, w.admin).str("id")},
			caller: admin, otherCaller: other, retention: day, effects: count("invitation.resend"),
		},
		{
			operation: "ChangePassword", in: w.passwords(w.n.password), otherIn: w.passwords(w.n.password + "2"),
			caller: other, otherCaller: admin, retention: day, effects: count("developer.password_change"),
		},
		{
			operation: "CreateUser", in: args{"first_name": "Ada", "email": nil}, otherIn: args{"last_name": "Ada"},
			caller: []option{bearer(w.server)}, otherCaller: admin, retention: day, effects: count("user.create"),
		},
		{
			operation: "CreateUserToken", in: args{"user_id": w.user}, otherIn: args{"user_id": w.n.newUser(t, w.d, w.admin)},
			caller: []option{bearer(w.server)}, otherCaller: admin, retention: 10 * time.Minute, effects: count("token.mint"),
		},
		{
			operation: "CreateUserToken", in: args{"user_id": w.user, "app_id": w.app, "app_secret": w.secret},
			otherIn: args{"user_id": w.n.newUser(t, w.d, w.admin), "app_id": w.app, "app_secret": w.secret},
			caller:  nil, otherCallerIn: args{"user_id": w.user}, otherCaller: []option{bearer(w.server)}, retention: 10 * time.Minute, effects: count("token.mint"),
		},
		{
			operation: "CreatePairingCode", in: args{"user_id": w.user}, otherIn: args{"user_id": w.n.newUser(t, w.d, w.admin)},
			caller: []option{bearer(w.server)}, otherCaller: admin, retention: day, effects: count("pairing.create"),
		},
	}
}

// passwords is a ChangePassword to another password, or to the same one.
func (w *idempotencyFixture) passwords(next string) args {
	return args{"current_password": w.n.password, "new_password": next, "confirm_password": next}
}

func (w *idempotencyFixture) call(t *testing.T, r idempotentCall, in args, as []option, key string) answer {
	t.Helper()
	return w.d.call(t, r.operation, in, append([]option{idempotent(key)}, as...)...)
}

// succeed makes the call, which must succeed, and be a replay if replayed is true or a first call
// if not.
func (w *idempotencyFixture) succeed(t *testing.T, r idempotentCall, in args, as []option, key string, replayed bool) answer {
	t.Helper()
	a := w.call(t, r, in, as, key)
	a.want(t, restSuccess(r.operation), "")
	if got := a.Header.Get("Idempotent-Replayed"); (got == "true") != replayed || !replayed && got != "" {
		t.Fatalf("%s: Idempotent-Replayed is %q, want a replay: %v", r.operation, got, replayed)
	}
	return a
}

// timeFraction matches the fraction of a second, which only some surfaces pad with zeros.
var timeFraction = regexp.MustCompile(`(\.\d*?)0*Z"`)

// sameAnswer fails the test unless both answers have the same status and body.
func sameAnswer(t *testing.T, what string, a, b answer) {
	t.Helper()
	said := func(a answer) string { return timeFraction.ReplaceAllString(string(encode(t, a.Body)), `$1"`) }
	if a.Status != b.Status || said(a) != said(b) {
		t.Errorf("%s: %d %s is not %d %s", what, b.Status, said(b), a.Status, said(a))
	}
}

// TestIdempotencyKeyRepeatsTheAnswer checks that the same request with the same key has one effect
// and one answer, across surfaces. A different request with that key is refused. Other callers,
// keys and operations are independent, and after the retention time the key is new.
func TestIdempotencyKeyRepeatsTheAnswer(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	w := newIdempotencyFixture(t, n, ds[0])
	for i, r := range w.calls(t) {
		w.d = ds[i%3]
		key := "k" + rand.Text()
		before := r.effects()
		first := w.succeed(t, r, r.in, r.caller, key, false)
		n.clock.advance(r.retention - time.Minute) // after the overlap of the older secret
		if r.operation != "Login" {
			w.renewLogins(t)
		}
		for _, d := range ds {
			w.d = d
			sameAnswer(t, r.operation+" by "+d.name(), first, w.succeed(t, r, r.in, r.caller, key, true))
			if r.otherIn == nil {
				continue
			}
			if a := w.call(t, r, r.otherIn, r.caller, key).want(t, 422, "idempotency_key_reused"); len(a.Fields) != 1 || a.Fields[0] != "Idempotency-Key" {
				t.Errorf("%s: a reused key names %v", r.operation, a.Fields)
			}
		}
		if made := r.effects() - before; made != 1 {
			t.Errorf("%s took effect %d times", r.operation, made)
		}
		in := r.in
		if r.otherCallerIn != nil {
			in = r.otherCallerIn
		}
		w.succeed(t, r, in, r.otherCaller, key, false)
		w.succeed(t, r, r.in, r.caller, "k"+rand.Text(), false)
		n.clock.advance(time.Minute)
		if again := w.succeed(t, r, r.in, r.caller, key, false); r.operation != "ChangePassword" && // which always answers the same
			string(encode(t, again.Body)) == string(encode(t, first.Body)) {
			t.Errorf("%s: the record outlived its time", r.operation)
		}
		if made := r.effects() - before; made != 4 {
			t.Errorf("%s: another caller, another key and a later time made %d effects, want 3", r.operation, made-1)
		}
	}
	one := "k" + rand.Text()
	ds[0].call(t, "CreateKey", args{"name": "x"}, bearer(w.admin), idempotent(one)).want(t, 201, "")
	ds[1].call(t, "CreateApplication", args{"name": "x"}, bearer(w.admin), idempotent(one)).want(t, 201, "")
}

// TestIdempotencyKeepsSuccess checks that refusals are not kept, and that a replayed answer is not
// updated by later changes.
func TestIdempotencyKeepsSuccess(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.roundRobin()
	w := newIdempotencyFixture(t, n, d)
	admin, tag := bearer(w.admin), rand.Text()
	again := func(key string) option { return idempotent(key + tag) }
	d.call(t, "CreateKey", args{"name": ""}, admin, again("a")).want(t, 422, "invalid_request")
	d.call(t, "RotateKey", args{"id": "key_none"}, admin, again("b")).want(t, 404, "not_found")
	d.call(t, "RotateKey", args{"id": w.key}, admin, again("b")).want(t, 201, "")
	d.call(t, "CreateUserToken", args{"user_id": w.user, "app_id": w.app, "app_secret": "x"}, again("c")).want(t, 401, "invalid_app_credentials")
	if h := d.call(t, "CreateUserToken", args{"user_id": w.user, "app_id": w.app, "app_secret": w.secret}, again("c")).want(t, 200, "").Header; h.Get("Idempotent-Replayed") != "" {
		t.Error("a first success is called a replay")
	}
	d.call(t, "Login", args{"email": w.email, "password": "wrong"}, again("d")).want(t, 401, "invalid_credentials")
	d.call(t, "Login", args{"email": w.email, "password": n.password}, again("d")).want(t, 200, "")

	// The answer to a rotation stays the same, whatever happens to the key later.
	rotated := d.call(t, "RotateKey", args{"id": w.key, "overlap_seconds": 5}, admin, again("e")).want(t, 201, "")
	d.call(t, "ListUsers", nil, bearer(rotated.str("key"))).want(t, 200, "")
	n.clock.advance(10 * time.Second)
	sameAnswer(t, "a rotation after a use and the overlap", rotated, d.call(t, "RotateKey", args{"id": w.key, "overlap_seconds": 5}, admin, again("e")))
	d.call(t, "RotateKey", args{"id": w.key}, admin).want(t, 201, "")
	d.call(t, "UpdateKey", args{"id": w.key, "name": "renamed"}, admin).want(t, 200, "")
	sameAnswer(t, "a rotation after another", rotated, d.call(t, "RotateKey", args{"id": w.key, "overlap_seconds": 5}, admin, again("e")))
	d.call(t, "ListUsers", nil, bearer(rotated.str("key"))).want(t, 401, "invalid_api_key")

	// A record is only looked up for a caller that authenticates again.
	exchange := func(secret, key string) answer {
		return d.call(t, "CreateUserToken", args{"user_id": w.user, "app_id": w.app, "app_secret": secret}, again(key))
	}
	pair := exchange(w.secret, "f").want(t, 200, "")
	next := d.call(t, "RotateApplicationSecret", args{"app_id": w.app}, admin).want(t, 200, "").str("app_secret")
	exchange(w.secret, "f").want(t, 401, "invalid_app_credentials")
	sameAnswer(t, "an exchange after the secret was rotated", pair, exchange(next, "f"))
	d.call(t, "DeleteApplication", args{"app_id": w.app}, admin).want(t, 204, "")
	exchange(next, "f").want(t, 401, "invalid_app_credentials")
	d.call(t, "Login", args{"email": w.email, "password": "wrong"}, again("d")).want(t, 401, "invalid_credentials")
	made := d.call(t, "CreateKey", nil, admin, again("g")).want(t, 201, "")
	d.call(t, "CreateKey", nil, again("g")).want(t, 401, "missing_credential")
	d.call(t, "DeleteKey", args{"id": made.str("id")}, admin).want(t, 200, "")
	sameAnswer(t, "a key that was deleted since", made, d.call(t, "CreateKey", nil, admin, again("g")))
	d.call(t, "ListUsers", nil, bearer(made.str("key"))).want(t, 401, "invalid_api_key")
}

// TestIdempotencyKeyForm checks that a key has 1 to 255 visible ASCII characters, and that
// operations which take no key ignore it.
func TestIdempotencyKeyForm(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.roundRobin()
	w := newIdempotencyFixture(t, n, d)
	_, refresh := n.login(t, d)
	longest := strings.Repeat("!", 255-26) + rand.Text()
	all := append(w.calls(t), idempotentCall{operation: "RefreshToken", in: args{"refresh_token": refresh}})
	for _, r := range all {
		for _, bad := range []string{"", strings.Repeat("x", 256), "a b", "a\tb", "ключ", "a\x80"} {
			if a := w.call(t, r, r.in, r.caller, bad).want(t, 422, "invalid_request"); len(a.Fields) != 1 || a.Fields[0] != "Idempotency-Key" {
				t.Errorf("%s with the key %q names %v", r.operation, bad, a.Fields)
			}
		}
		w.call(t, r, r.in, r.caller, longest).want(t, restSuccess(r.operation), "")
	}
	d.call(t, "ListUsers", nil, bearer(w.admin), idempotent("a b")).want(t, 200, "")
}

// TestIdempotencyAtOnce sends one call with one key from many clients at once. It has one effect,
// and each client gets the same answer or a 409 that asks it to retry.
func TestIdempotencyAtOnce(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, func(c *server.Config) { c.HashConcurrency = 10 }) // of which one network may take 12 places
	ds := n.drivers()
	w := newIdempotencyFixture(t, n, ds[0])
	for _, r := range w.calls(t) {
		clients := 64
		if r.operation == "Login" || r.operation == "ChangePassword" {
			clients = 12 // each costs a password hash
		}
		before := r.effects()
		var mu sync.Mutex
		var answers []answer
		progress := 0
		concurrently(clients, func(i int) {
			a := (&idempotencyFixture{n: n, d: ds[i%3]}).call(t, r, r.in, r.caller, "at-once")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case a.Status == restSuccess(r.operation):
				answers = append(answers, a)
			case a.Status == 409 && a.Reason == "idempotency_in_progress" && a.Header.Get("Retry-After") == "1":
				progress++
			default:
				t.Errorf("%s: %d %s, Retry-After %q", r.operation, a.Status, a.Reason, a.Header.Get("Retry-After"))
			}
		})
		fresh := 0
		for _, a := range answers {
			sameAnswer(t, r.operation, answers[0], a)
			if a.Header.Get("Idempotent-Replayed") == "" {
				fresh++
			}
		}
		if fresh != 1 || r.effects() != before+1 {
			t.Errorf("%s: %d of %d were first, %d took effect, %d got a 409", r.operation, fresh, clients, r.effects()-before, progress)
		}
	}
}

// TestIdempotencyOutlivesARestart checks that records survive a restart, and that reading one needs
// the caller's key in addition to the server's.
func TestIdempotencyOutlivesARestart(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	w := newIdempotencyFixture(t, n, d)
	var firsts []answer
	key := "outlives-" + rand.Text()
	all := w.calls(t)
	for _, r := range all {
		firsts = append(firsts, w.succeed(t, r, r.in, r.caller, key, false))
	}
	n.stop()
	n.boot(t, unlimited)
	for i, r := range all {
		sameAnswer(t, r.operation+" after a restart", firsts[i], w.succeed(t, r, r.in, r.caller, key, true))
	}

	vault, err := credential.NewVault(n.masterSecret(t))
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	n.query(t, func(db *sql.DB) error {
		rows, err := db.Query("SELECT id, request, sealed FROM replays")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, request, sealed []byte
			if err := rows.Scan(&id, &request, &sealed); err != nil {
				return err
			}
			records++
			if plain, err := vault.Open(sealed, id, ""); err == nil {
				t.Errorf("the database and our key open a record: %s", plain)
			}
			plain, err := vault.Open(sealed, id, key)
			if err != nil || !secretForm.Match(plain) && !newUserForm.Match(plain) && !invitationForm.Match(plain) && !pairingAnswer.Match(plain) && string(plain) != "{}" {
				t.Errorf("with the caller's key too it opens as %q, %v", plain, err)
			}
			if _, err := vault.Open(sealed, request, key); err == nil {
				t.Error("a record opens in another's place")
			}
		}
		return rows.Err()
	})
	if records != len(all) {
		t.Errorf("%d records of %d calls", records, len(all))
	}
}
