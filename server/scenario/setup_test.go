package scenario_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// onEachEmptySurface is onEachSurface with nodes that have no developer.
func onEachEmptySurface(t *testing.T, scenario func(t *testing.T, n *node, d driver), change ...func(*server.Config)) {
	t.Helper()
	for i, name := range []string{"rest", "connect-json", "connect-proto"} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			n.boot(t, change...)
			scenario(t, n, n.drivers()[i])
		})
	}
}

// openSetup returns the setup token that the node prints if it listens at the address.
func (n *node) openSetup(t *testing.T, addr string) string {
	t.Helper()
	token, err := n.server.OpenSetup(t.Context(), addr)
	if err != nil || len(token) < 20 {
		t.Fatalf("the setup token has %d characters, %v", len(token), err)
	}
	return token
}

// first returns the request that creates the node's first developer.
func (n *node) first(token string) args {
	return args{"token": token, "email": n.email, "password": n.password}
}

// developerCount returns how many developers there are.
func (n *node) developerCount(t *testing.T) int {
	t.Helper()
	all, err := n.server.Auth().Developers.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestSetupTokenCreatesTheFirstDeveloper checks that the token works once, that a faulty request
// does not spend it, and that it is nowhere but in its address.
func TestSetupTokenCreatesTheFirstDeveloper(t *testing.T) {
	t.Parallel()
	onEachEmptySurface(t, func(t *testing.T, n *node, d driver) {
		token := n.openSetup(t, "a")
		n.query(t, func(db *sql.DB) error {
			var node string
			var hash []byte
			err := db.QueryRow("SELECT node, hash FROM setup_tokens").Scan(&node, &hash)
			if strings.Contains(node+string(hash), token) || len(hash) != 32 {
				t.Error("the database has more than a hash of the token")
			}
			return err
		})
		in := n.first(token)
		wrong := d.call(t, "CreateFirstDeveloper", withMembers(in, args{"token": "x" + token[1:]})).want(t, 401, "invalid_setup_token")
		for member, bad := range map[string]any{"token": "", "email": "nobody", "password": "short"} {
			a := d.call(t, "CreateFirstDeveloper", withMembers(in, args{member: bad})).want(t, 422, "invalid_request")
			if len(a.Fields) != 1 || a.Fields[0] != member {
				t.Errorf("a bad %s is said of %v", member, a.Fields)
			}
		}
		d.call(t, "CreateFirstDeveloper", withMembers(in, args{"use_cookie": true}), header("Origin", "https://evil.example")).want(t, 403, "cross_origin")
		if count := n.developerCount(t); count != 0 {
			t.Fatalf("%d developers after refusals", count)
		}
		copied := withMembers(in, args{"token": " " + token + "\n"})
		a := d.call(t, "CreateFirstDeveloper", copied, bearer("nonsense")).want(t, 200, "")
		if me := d.call(t, "GetMe", nil, bearer(a.str("access_token"))).want(t, 200, ""); me.str("email") != n.email {
			t.Errorf("logged in is %q", me.str("email"))
		}
		d.call(t, "RefreshToken", args{"refresh_token": a.str("refresh_token")}).want(t, 200, "")
		used := d.call(t, "CreateFirstDeveloper", withMembers(in, args{"email": "second@example.com"})).want(t, 401, "invalid_setup_token")
		if used.Detail != wrong.Detail || n.developerCount(t) != 1 {
			t.Errorf("a used token: %q, a wrong one: %q; %d developers", used.Detail, wrong.Detail, n.developerCount(t))
		}
		n.login(t, d)
		if again, err := n.server.OpenSetup(t.Context(), "a"); err != nil || again != "" {
			t.Errorf("the setup was opened beside a developer: %v", err)
		}
		n.stop()
		for _, secret := range []string{token, n.password, a.str("access_token")} {
			if strings.Contains(n.log.String(), secret) {
				t.Error("a secret is in the log")
			}
		}
	})
}

// TestSetupIsAudited checks who is said to have done what.
func TestSetupIsAudited(t *testing.T) {
	t.Parallel()
	onEachEmptySurface(t, func(t *testing.T, n *node, d driver) {
		token := n.openSetup(t, "a")
		d.call(t, "CreateFirstDeveloper", n.first("wrong"), header("User-Agent", "guesser")).want(t, 401, "invalid_setup_token")
		a := d.call(t, "CreateFirstDeveloper", n.first(token), header("User-Agent", "owner")).want(t, 200, "")
		me := "developer:" + d.call(t, "GetMe", nil, bearer(a.str("access_token"))).want(t, 200, "").str("id")
		var rows []string
		n.query(t, func(db *sql.DB) error {
			all, err := db.Query("SELECT action, outcome, actor, subject, client FROM audit_events WHERE client IN ('guesser', 'owner') ORDER BY id")
			if err != nil {
				return err
			}
			defer all.Close()
			for all.Next() {
				var row [5]sql.NullString
				if err := all.Scan(&row[0], &row[1], &row[2], &row[3], &row[4]); err != nil {
					return err
				}
				rows = append(rows, fmt.Sprint(row[0].String, " ", row[1].String, " ", row[2].String, " ", row[3].String, " ", row[4].String))
			}
			return all.Err()
		})
		want := "developer.create invalid_setup_token anonymous  guesser\ndeveloper.create ok " + me + " " + me + " owner\nsession.login ok " + me + " " + me + " owner"
		if got := strings.Join(rows, "\n"); got != want {
			t.Errorf("recorded:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestSetupTokenEnds checks the ends of a token that nobody used: a day, the next start, and a
// developer whom the operator creates. All are refused alike.
func TestSetupTokenEnds(t *testing.T) {
	t.Parallel()
	onEachEmptySurface(t, func(t *testing.T, n *node, d driver) {
		refused := func(token string) {
			t.Helper()
			d.call(t, "CreateFirstDeveloper", n.first(token)).want(t, 401, "invalid_setup_token")
		}
		over := n.openSetup(t, "a")
		n.clock.advance(24*time.Hour + time.Second)
		refused(over)

		before := n.openSetup(t, "a")
		n.stop()
		n.boot(t)
		n.clock.advance(23 * time.Hour) // which alone ends no token
		after := n.openSetup(t, "a")
		refused(before)

		n.addDeveloper("operator@example.com", passphrase())
		refused(after)
		if err := n.server.Auth().Developers.Delete(t.Context(), "operator@example.com"); err != nil {
			t.Fatal(err)
		}
		refused(after)
		last := n.openSetup(t, "a")
		n.clock.advance(24*time.Hour - time.Minute)
		d.call(t, "CreateFirstDeveloper", n.first(last)).want(t, 200, "")
	}, unlimited)
}

// TestSetupCookie checks that a page is signed in by cookies, as after a login.
func TestSetupCookie(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachEmptySurface(t, func(t *testing.T, n *node, d driver) {
		a := d.call(t, "CreateFirstDeveloper", withMembers(n.first(n.openSetup(t, "a")), args{"use_cookie": true})).want(t, 200, "")
		wantCookiePair(t, a, 30*day)
		if device(t, a) == "" {
			t.Error("the browser is not known to the account")
		}
	}, withManualClock(&clock))
}

// TestSetupIsRetried checks that a retry with the Idempotency-Key gets the answer of the first call,
// and that one with another password, email or token does not.
func TestSetupIsRetried(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.boot(t, unlimited)
	token := n.openSetup(t, "a")
	in, key := n.first(token), idempotent("setup")
	ds := n.drivers()
	made := ds[0].call(t, "CreateFirstDeveloper", in, key).want(t, 200, "")
	for _, d := range ds {
		again := d.call(t, "CreateFirstDeveloper", in, key).want(t, 200, "")
		sameAnswer(t, d.name(), made, again)
		if again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("%s: a replay is not called one", d.name())
		}
		d.call(t, "CreateFirstDeveloper", withMembers(in, args{"password": passphrase()}), key).want(t, 422, "idempotency_key_reused")
		d.call(t, "CreateFirstDeveloper", withMembers(in, args{"email": "other@example.com"}), key).want(t, 422, "idempotency_key_reused")
		d.call(t, "CreateFirstDeveloper", withMembers(in, args{"token": "other"}), key).want(t, 401, "invalid_setup_token")
		d.call(t, "CreateFirstDeveloper", in, idempotent("another")).want(t, 401, "invalid_setup_token")
		d.call(t, "CreateFirstDeveloper", in, idempotent("a b")).want(t, 422, "invalid_request")
	}
	n.clock.advance(10 * time.Minute)
	ds[0].call(t, "CreateFirstDeveloper", in, key).want(t, 401, "invalid_setup_token")
	if count := n.developerCount(t); count != 1 {
		t.Errorf("%d developers", count)
	}
}

// contend creates the first developer from many callers at once, each with one of the tokens and at
// one of the nodes, and checks that one of them wins.
func contend(t *testing.T, nodes []*node, tokens []string) {
	t.Helper()
	var won, lost atomic.Int32
	const contenders = 6
	concurrently(contenders, func(i int) {
		n := nodes[i%len(nodes)]
		in := args{"token": tokens[i%len(tokens)], "email": fmt.Sprintf("contender-%d@example.com", i), "password": n.password}
		var a answer
		for range 300 { // few passwords are hashed at once
			if a = n.drivers()[i%3].call(t, "CreateFirstDeveloper", in); a.Status != 503 {
				break
			}
			time.Sleep(100 * time.Millisecond)
		}
		switch {
		case a.Status == 200:
			won.Add(1)
		case a.Reason == "invalid_setup_token":
			lost.Add(1)
		default:
			t.Errorf("a contender got %d %q: %s", a.Status, a.Reason, a.Detail)
		}
	})
	if won.Load() != 1 || lost.Load() != contenders-1 || nodes[0].developerCount(t) != 1 {
		t.Errorf("%d won, %d lost, %d developers", won.Load(), lost.Load(), nodes[0].developerCount(t))
	}
}

func TestOneContenderSetsUp(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.boot(t, unlimited)
	contend(t, []*node{n}, []string{n.openSetup(t, "a")})
}

// TestNodesShareTheSetup checks that each node honours the token of another, that their tokens
// together make one developer, and that old ones make room.
func TestNodesShareTheSetup(t *testing.T) {
	t.Parallel()
	nodes := startEmptyNodes(t, make([]func(*server.Config), 2), unlimited)
	oldest := nodes[0].openSetup(t, "oldest")
	for i := range 14 {
		nodes[i%2].openSetup(t, fmt.Sprint("in between ", i))
	}
	a, b := nodes[0].openSetup(t, "a"), nodes[1].openSetup(t, "b")
	d := nodes[1].drivers()[0]
	d.call(t, "CreateFirstDeveloper", nodes[1].first(oldest)).want(t, 401, "invalid_setup_token") // of 17
	contend(t, nodes, []string{b, a})
	for i, token := range []string{a, b} {
		nodes[i].drivers()[0].call(t, "CreateFirstDeveloper", nodes[i].first(token)).want(t, 401, "invalid_setup_token")
	}

	other := startEmptyNodes(t, make([]func(*server.Config), 2))
	other[1].drivers()[1].call(t, "CreateFirstDeveloper", other[1].first(other[0].openSetup(t, "a"))).want(t, 200, "")
	other[0].login(t, other[0].drivers()[0])
}
