package scenario_test

import (
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// claims returns the claims of a token without verifying it.
func claims(t *testing.T, token string) map[string]any {
	t.Helper()
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token+"..", ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(payload, &c); err != nil {
		t.Fatalf("%q holds no claims: %v", token, err)
	}
	return c
}

func sessionID(t *testing.T, c *clientSession) string {
	t.Helper()
	id, _ := claims(t, c.access[0])["sid"].(string)
	return id
}

// TestTokenPairHasTheDocumentedForm checks the pair of every operation that returns one.
func TestTokenPairHasTheDocumentedForm(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		login := d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 200, "")
		admin := bearer(login.str("access_token"))
		user := n.newUser(t, d, login.str("access_token"))
		mint := d.call(t, "CreateUserToken", args{"user_id": user}, admin).want(t, 200, "")
		for name, a := range map[string]answer{
			"Login": login, "CreateUserToken": mint,
			"RefreshToken of a developer": d.call(t, "RefreshToken", args{"refresh_token": login.str("refresh_token")}).want(t, 200, ""),
			"RefreshToken of a user":      d.call(t, "RefreshToken", args{"refresh_token": mint.str("refresh_token")}).want(t, 200, ""),
		} {
			pair := a.Body.(map[string]any)
			if len(pair) != 4 || pair["token_type"] != "bearer" || pair["expires_in"] != float64(3600) {
				t.Errorf("%s answers %v", name, pair)
			}
			if !regexp.MustCompile(`^rt_[0-9a-z]+$`).MatchString(a.str("refresh_token")) {
				t.Errorf("%s: refresh_token is %q", name, a.str("refresh_token"))
			}
			c := claims(t, a.str("access_token"))
			if c["exp"].(float64)-c["iat"].(float64) != 3600 {
				t.Errorf("%s: exp %v is not 3600 s after iat %v", name, c["exp"], c["iat"])
			}
			if ofUser := strings.Contains(name, "ser") && !strings.Contains(name, "developer"); ofUser != (c["scope"] == "sdk") || ofUser != (c["sub"] == user) {
				t.Errorf("%s: sub is %v and scope %v", name, c["sub"], c["scope"])
			}
			if a.Header.Get("Cache-Control") != "no-store" || a.Header.Get("Set-Cookie") != "" {
				t.Errorf("%s: Cache-Control %q, Set-Cookie %q", name, a.Header.Get("Cache-Control"), a.Header.Get("Set-Cookie"))
			}
		}
	}, unlimited)
}

// TestSessionIdleLongestEnds checks that the 51st login of a developer ends the session that was
// idle longest and no other.
func TestSessionIdleLongestEnds(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		oldest := m.openDeveloper(t)
		m.d.call(t, "RevokeOtherSessions", nil, bearer(oldest.access[0])).want(t, 204, "")
		m.n.exec(t, `
			INSERT INTO sessions (id, developer_id, seed, generation, rotated_at, created_at, last_used_at, expires_at, ends_at)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 48)
			SELECT '00000000-0000-4000-8000-0000000000' || CASE WHEN i < 10 THEN '0' ELSE '' END || i, developer_id, seed, 1, created_at + i, created_at + i, created_at + i, expires_at, ends_at
			FROM sessions, n WHERE id = $1`, sessionID(t, oldest))
		m.clock.advance(time.Second)
		fifty := m.openDeveloper(t)
		fifty.wantAccepted(t)
		oldest.wantAccepted(t)
		ids := m.n.sessionIDs(t, m.d, fifty)
		if len(ids) != 50 || ids[0] != sessionID(t, fifty) || ids[49] != sessionID(t, oldest) {
			t.Fatalf("of 50 logins %d sessions are left: %v", len(ids), ids)
		}
		m.n.wantUsed(t, sessionID(t, oldest))
		m.clock.advance(time.Second)
		another := m.openDeveloper(t)
		another.wantAccepted(t)
		idle := ids[48] // the first of those that were never used
		if now := m.n.sessionIDs(t, m.d, another); len(now) != 50 || !slices.Equal(now[1:], slices.Delete(ids, 48, 49)) {
			t.Errorf("the 51st login leaves %d sessions: %v", len(now), now)
		}
		rows := m.n.auditRows(t)
		if !slices.ContainsFunc(rows, func(r auditRow) bool { return r.action == "session.revoke" && r.subject == "session:"+idle }) {
			t.Errorf("the end of %s is not in the audit trail", idle)
		}
		oldest.wantAccepted(t)
		fifty.wantAccepted(t)
		fifty.rotate(t, "")
	})
}

// sessionIDs returns the ids of the caller's sessions in the order listed.
func (n *node) sessionIDs(t *testing.T, d driver, as *clientSession) []string {
	t.Helper()
	var ids []string
	for _, s := range objectsOf(d.call(t, "ListSessions", nil, bearer(as.access[len(as.access)-1])).want(t, 200, "")) {
		ids = append(ids, s["id"].(string))
	}
	return ids
}

// objectsOf returns the objects of an answer that is an array.
func objectsOf(a answer) []map[string]any {
	all, _ := a.Body.([]any)
	objects := make([]map[string]any, len(all))
	for i := range all {
		objects[i], _ = all[i].(map[string]any)
	}
	return objects
}

// behindLoopbackProxy trusts loopback to name the address of a request.
func behindLoopbackProxy(c *server.Config) {
	c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
}

// TestDevelopersListAndEndTheirOwnSessions checks what a session shows of itself, and that a
// developer cannot see or end another's sessions.
func TestDevelopersListAndEndTheirOwnSessions(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		login := func(email, password string, o ...option) *clientSession {
			a := d.call(t, "Login", args{"email": email, "password": password}, o...).want(t, 200, "")
			return &clientSession{d: d, refresh: []string{a.str("refresh_token")}, access: []string{a.str("access_token")}}
		}
		began := clock.now()
		first := login(n.email, n.password, forwardedFor("203.0.113.7"), header("User-Agent", "Phone/1.0"))
		clock.advance(time.Minute)
		second := login(n.email, n.password, forwardedFor("2001:db8::1"), header("User-Agent", ""))
		password := passphrase()
		n.addDeveloper("other@example.com", password)
		stranger := login("other@example.com", password)

		clock.advance(time.Minute)
		list := func(c *clientSession) []map[string]any {
			t.Helper()
			return objectsOf(d.call(t, "ListSessions", nil, bearer(c.access[0])).want(t, 200, ""))
		}
		at := func(d time.Duration) string { return began.Add(d).Format(time.RFC3339) }
		want := []map[string]any{
			{
				"id": sessionID(t, second), "created_at": at(time.Minute), "last_used_at": at(time.Minute),
				"expires_at": at(time.Minute + 30*day), "ip": "2001:db8::1", "current": false,
			},
			{
				"id": sessionID(t, first), "created_at": at(0), "last_used_at": at(2 * time.Minute),
				"expires_at": at(30 * day), "ip": "203.0.113.7", "client": "Phone/1.0", "current": true,
			},
		}
		sameJSON(t, list(first), want)

		clock.advance(time.Minute)
		a := d.call(t, "RefreshToken", args{"refresh_token": first.current()}, forwardedFor("203.0.113.8"), header("User-Agent", "Phone/2.0")).want(t, 200, "")
		first.record(a)
		clock.advance(time.Minute)
		want[1]["last_used_at"], want[1]["expires_at"] = at(3*time.Minute), at(3*time.Minute+30*day)
		want[1]["ip"], want[1]["client"], want[1]["current"] = "203.0.113.8", "Phone/2.0", false
		want[0]["last_used_at"], want[0]["current"] = at(4*time.Minute), true
		sameJSON(t, list(second), want)
		if ids := n.sessionIDs(t, d, stranger); len(ids) != 1 || ids[0] != sessionID(t, stranger) {
			t.Errorf("another developer sees %v", ids)
		}

		for id, reason := range map[string]string{
			sessionID(t, stranger): "not_found", "00000000-0000-4000-8000-000000000000": "not_found",
			"not-a-uuid": "invalid_request",
		} {
			if a := d.call(t, "RevokeSession", args{"id": id}, bearer(first.access[0])); a.Reason != reason {
				t.Errorf("ending session %s is answered %d %s", id, a.Status, a.Reason)
			}
		}
		if d.name() != "rest" {
			d.call(t, "RevokeSession", args{"id": ""}, bearer(first.access[0])).want(t, 422, "invalid_request")
		}
		for _, c := range []*clientSession{first, second, stranger} {
			c.wantAccepted(t)
		}
		d.call(t, "RevokeSession", args{"id": sessionID(t, second)}, bearer(first.access[0])).want(t, 204, "")
		d.call(t, "RevokeSession", args{"id": sessionID(t, second)}, bearer(first.access[0])).want(t, 404, "not_found")
		if ids := n.sessionIDs(t, d, first); len(ids) != 1 {
			t.Errorf("an ended session is still listed: %v", ids)
		}
		d.call(t, "RevokeSession", args{"id": sessionID(t, first)}, bearer(first.access[0])).want(t, 204, "")
		first.wantEnded(t)
		second.wantEnded(t)
		stranger.wantAccepted(t)
	}, unlimited, withManualClock(&clock), behindLoopbackProxy)
}

func sameJSON(t *testing.T, got, want any) {
	t.Helper()
	if g, w := encode(t, got), encode(t, want); string(g) != string(w) {
		t.Errorf("the answer is\n%s\nwant\n%s", g, w)
	}
}

// TestLoginForms checks that a login accepts JSON and the OAuth 2 password form alike, and which
// members are required.
func TestLoginForms(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	login := func(media, body string) answer {
		t.Helper()
		return n.post(t, "/api/v1/auth/login", media, body)
	}
	form := func(pairs ...string) string {
		values := url.Values{}
		for i := 0; i < len(pairs); i += 2 {
			values.Add(pairs[i], pairs[i+1])
		}
		return values.Encode()
	}
	const asForm, asJSON = "application/x-www-form-urlencoded", "application/json"
	quoted := string(encode(t, args{"email": n.email, "password": n.password}))
	full := form("grant_type", "password", "username", n.email, "password", n.password, "scope", "", "client_id", "docs")
	for _, c := range []struct {
		name, media, body string
		status            int
		reason            string
	}{
		{"JSON", asJSON, quoted, 200, ""},
		{"JSON with a charset", "application/json; charset=utf-8", quoted, 200, ""},
		{"form", asForm, full, 200, ""},
		{"form with a charset", asForm + ";charset=UTF-8", full, 200, ""},
		{"form with utf8", asForm + "; charset=utf8", full, 200, ""},
		{"email in other case", asForm, form("username", strings.ToUpper(n.email), "password", n.password), 200, ""},
		{"form by JSON's names", asForm, form("email", n.email, "password", n.password), 401, "invalid_credentials"},
		{"form without password", asForm, form("username", n.email), 401, "invalid_credentials"},
		{"form without username", asForm, form("password", n.password), 401, "invalid_credentials"},
		{"empty form", asForm, "", 401, "invalid_credentials"},
		{"no body at all", "", "", 401, "invalid_credentials"},
		{"empty JSON body", asJSON, "", 401, "invalid_credentials"},
		{"empty object", asJSON, "{}", 401, "invalid_credentials"},
		{"nulls", asJSON, `{"email":null,"password":null}`, 401, "invalid_credentials"},
		{"a number for a password", asJSON, `{"email":"a@b","password":1}`, 422, "invalid_request"},
		{"a form that cannot be read", asForm, "username=%zz", 422, "invalid_request"},
		{"a member twice", asForm, full + "&password=x", 422, "invalid_request"},
		{"JSON as text", "text/plain", quoted, 415, "unsupported_media_type"},
	} {
		a := login(c.media, c.body)
		if a.Status != c.status || a.Reason != c.reason {
			t.Errorf("%s is answered %d %s, want %d %s", c.name, a.Status, a.Reason, c.status, c.reason)
		}
		if pair, _ := a.Body.(map[string]any); c.status == 200 && (len(pair) != 4 || a.str("refresh_token") == "") {
			t.Errorf("%s is answered %v", c.name, pair)
		}
	}
	d := n.drivers()[0]
	for _, ignored := range []option{bearer("nonsense"), header("X-Open-Wearables-API-Key", "nonsense")} {
		d.call(t, "Login", args{"email": n.email, "password": n.password}, ignored).want(t, 200, "")
	}
}

// post sends a body unchanged.
func (n *node) post(t *testing.T, path, media, body string, o ...option) answer {
	t.Helper()
	var payload io.Reader
	if body != "" {
		payload = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), "POST", n.url+path, payload)
	if err != nil {
		t.Fatal(err)
	}
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	res, raw := n.send(t, r, o...)
	return restAnswer(t, res, raw)
}

// TestSessionAliases checks that the paths of shipped clients are the same operations, and that
// Logout ignores its body.
func TestSessionAliases(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	n := start(t, unlimited, withManualClock(&clock))
	m := newSessionFactory(t, n, n.drivers()[0], clock)
	c := m.openDeveloper(t)
	body := func(token string) string { return fmt.Sprintf(`{"refresh_token":%q}`, token) }
	a := n.post(t, "/api/v1/token/refresh", "application/json", body(c.current())).want(t, 200, "")
	c.record(a)
	c.wantAccepted(t)
	n.post(t, "/api/v1/token/refresh", "application/json", body(c.parent())).want(t, 401, "refresh_token_used")
	n.post(t, "/api/v1/token/revoke", "application/json", body(c.current())).want(t, 204, "")
	c.wantEnded(t)
	for _, path := range []string{"auth/refresh", "auth/revoke", "token/refresh", "token/revoke"} {
		for _, wrong := range []string{`{}`, `{"refresh_token":null}`, `{"refresh_token":7}`, `{"refresh_token":["rt_"]}`, `[]`, ``} {
			n.post(t, "/api/v1/"+path, "application/json", wrong).want(t, 422, "invalid_request")
		}
	}
	for _, media := range []string{"", "text/xml", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"} {
		c := m.openDeveloper(t)
		n.post(t, "/api/v1/auth/logout", media, "<not/>{json", bearer(c.access[0])).want(t, 200, "")
		c.wantEnded(t)
	}
	n.post(t, "/api/v1/auth/logout", "", "").want(t, 401, "missing_credential")
	n.post(t, "/api/v1/auth/logout", "", "", bearer(c.access[0])).want(t, 401, "invalid_token")
}

// wantUsed waits until the last use of the session is written, which takes a second.
func (n *node) wantUsed(t *testing.T, session string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var used bool
		n.query(t, func(db *sql.DB) error {
			return db.QueryRow("SELECT last_used_at > created_at FROM sessions WHERE id = $1", session).Scan(&used)
		})
		if used {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the last use of a session is not written")
		}
	}
}
