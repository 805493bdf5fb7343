package scenario_test

import (
	"fmt"
	"hash/crc32"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

// manualClock moves only when a test advances it, so that tests reach a boundary to the
// microsecond. Safe for concurrent use.
type manualClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *manualClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *manualClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// withManualClock gives the node a manual clock that starts at a whole second.
func withManualClock(clock **manualClock) func(*server.Config) {
	return func(c *server.Config) {
		*clock = &manualClock{at: time.Now().UTC().Truncate(time.Second)}
		c.Now = (*clock).now
	}
}

// sessionFactory opens sessions of users with an API key, which does not expire when the clock
// advances.
type sessionFactory struct {
	n     *node
	d     driver
	key   string
	clock *manualClock
}

// onEachWithSessions runs a scenario about sessions on every surface, without limits and with a
// manual clock.
func onEachWithSessions(t *testing.T, scenario func(t *testing.T, m sessionFactory)) {
	t.Helper()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		scenario(t, newSessionFactory(t, n, d, clock))
	}, unlimited, withManualClock(&clock))
}

func newSessionFactory(t *testing.T, n *node, d driver, clock *manualClock) sessionFactory {
	t.Helper()
	admin, _ := n.login(t, d)
	_, key := n.newKey(t, d, admin, args{})
	return sessionFactory{n, d, key, clock}
}

// clientSession is a session as its client sees it, with every token that it ever had.
type clientSession struct {
	d       driver
	user    string   // "" for a developer's session
	refresh []string // every refresh token, the current one last
	access  []string // every access token
}

func (m sessionFactory) newUser(t *testing.T) string {
	t.Helper()
	return m.n.newUser(t, m.d, m.key)
}

// openFor opens a session of the user.
func (m sessionFactory) openFor(t *testing.T, user string) *clientSession {
	t.Helper()
	a := m.d.call(t, "CreateUserToken", args{"user_id": user}, bearer(m.key)).want(t, 200, "")
	return &clientSession{d: m.d, user: user, refresh: []string{a.str("refresh_token")}, access: []string{a.str("access_token")}}
}

// open opens a session of a new user.
func (m sessionFactory) open(t *testing.T) *clientSession {
	t.Helper()
	return m.openFor(t, m.newUser(t))
}

// openDeveloper opens a session of the first developer.
func (m sessionFactory) openDeveloper(t *testing.T) *clientSession {
	t.Helper()
	access, refresh := m.n.login(t, m.d)
	return &clientSession{d: m.d, refresh: []string{refresh}, access: []string{access}}
}

// present sends a refresh token with a retry key, or without one if it is empty.
func (c *clientSession) present(t *testing.T, token, key string) answer {
	t.Helper()
	var o []option
	if key != "" {
		o = append(o, idempotent(key))
	}
	return c.d.call(t, "RefreshToken", args{"refresh_token": token}, o...)
}

// rotate refreshes with the current token.
func (c *clientSession) rotate(t *testing.T, key string) {
	t.Helper()
	a := c.present(t, c.current(), key).want(t, 200, "")
	if a.Header.Get("Idempotent-Replayed") != "" {
		t.Error("a rotation says that it is a replay")
	}
	c.refresh, c.access = append(c.refresh, a.str("refresh_token")), append(c.access, a.str("access_token"))
}

// replay presents the parent with the key that rotated it. The answer must contain the current
// token again.
func (c *clientSession) replay(t *testing.T, key string) {
	t.Helper()
	a := c.present(t, c.parent(), key).want(t, 200, "")
	if a.str("refresh_token") != c.current() {
		t.Fatal("a replay has another successor")
	}
	if a.Header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("Idempotent-Replayed of a replay is %q", a.Header.Get("Idempotent-Replayed"))
	}
	for _, earlier := range c.access {
		if a.str("access_token") == earlier {
			t.Error("a replay answers an earlier access token")
		}
	}
	c.access = append(c.access, a.str("access_token"))
}

// current returns the current refresh token, parent the one before it.
func (c *clientSession) current() string { return c.refresh[len(c.refresh)-1] }
func (c *clientSession) parent() string  { return c.refresh[len(c.refresh)-2] }

// use reads the session's own user or developer with an access token.
func (c *clientSession) use(t *testing.T, access string) answer {
	t.Helper()
	if c.user == "" {
		return c.d.call(t, "GetMe", nil, bearer(access))
	}
	return c.d.call(t, "GetUser", args{"id": c.user}, bearer(access))
}

// wantAccepted fails the test unless every access token of the session is accepted.
func (c *clientSession) wantAccepted(t *testing.T) {
	t.Helper()
	for _, access := range c.access {
		c.use(t, access).want(t, 200, "")
	}
}

// wantEnded fails the test unless every token of the session is refused.
func (c *clientSession) wantEnded(t *testing.T) {
	t.Helper()
	for i, access := range c.access {
		if a := c.use(t, access); a.Status != 401 {
			t.Errorf("access token %d of an ended session is answered %d %s", i, a.Status, a.Reason)
		}
	}
	for i, refresh := range c.refresh {
		if a := c.present(t, refresh, ""); a.Status != 401 || a.Reason != "invalid_refresh_token" {
			t.Errorf("refresh token %d of an ended session is answered %d %s", i, a.Status, a.Reason)
		}
	}
}

const day = 24 * time.Hour

// TestRefreshRules checks every rule of a refresh with a user's session, and some with a
// developer's too.
func TestRefreshRules(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		t.Run("the current token rotates with any key", m.currentRotates)
		t.Run("the owner retries", m.ownerRetries)
		t.Run("a replay prolongs nothing", m.replayProlongsNothing)
		t.Run("another key is a second holder", m.otherKey)
		t.Run("without a key it is a race for 10 s", m.race)
		t.Run("an ancestor is reuse at once", m.reusedAncestor)
		t.Run("an invalid token changes nothing", m.invalid)
		t.Run("a token newer than the session changes nothing", m.restoredBackup)
		t.Run("an invalid retry key is refused before the token is spent", m.invalidRetryKey)
	})
}

func (m sessionFactory) currentRotates(t *testing.T) {
	for _, open := range []func(*testing.T) *clientSession{m.open, m.openDeveloper} {
		c := open(t)
		for i, key := range []string{"", "k1", "k2", "k2", "", strings.Repeat("~", 255)} {
			c.rotate(t, key)
			if len(c.refresh) != i+2 || c.current() == c.parent() {
				t.Fatal("a rotation answers its own token")
			}
		}
		c.wantAccepted(t) // earlier access tokens stay valid until they expire
		m.clock.advance(time.Hour)
		c.use(t, c.access[0]).want(t, 401, "token_expired")
	}
}

func (m sessionFactory) ownerRetries(t *testing.T) {
	for _, open := range []func(*testing.T) *clientSession{m.open, m.openDeveloper} {
		c := open(t)
		c.rotate(t, "first")
		c.rotate(t, "mine")
		for range 2 {
			c.replay(t, "mine")
		}
		c.wantAccepted(t) // uses the successor's access token for the first time
		for _, later := range []time.Duration{10 * time.Second, time.Hour, 20 * day} {
			m.clock.advance(later)
			c.replay(t, "mine")
			c.use(t, c.access[len(c.access)-1]).want(t, 200, "")
		}
		c.rotate(t, "next")
		c.present(t, c.refresh[len(c.refresh)-3], "mine").want(t, 401, "refresh_token_reused")
		c.wantEnded(t)
	}
}

func (m sessionFactory) replayProlongsNothing(t *testing.T) {
	c := m.open(t)
	c.rotate(t, "mine")
	m.clock.advance(30*day - time.Microsecond)
	c.replay(t, "mine")
	m.clock.advance(time.Microsecond)
	c.present(t, c.parent(), "mine").want(t, 401, "invalid_refresh_token")
	c.wantEnded(t)
}

func (m sessionFactory) otherKey(t *testing.T) {
	for _, used := range []bool{false, true} {
		c := m.open(t)
		c.rotate(t, "mine")
		if used {
			c.replay(t, "mine")
		}
		c.wantAccepted(t)
		a := c.present(t, c.parent(), "theirs").want(t, 401, "refresh_token_reused")
		if a.Header.Get("Idempotent-Replayed") != "" {
			t.Error("a refusal says that it is a replay")
		}
		c.wantEnded(t)
	}
	if !strings.Contains(m.n.log.String(), "refresh token reuse") {
		t.Error("reuse leaves no alert in the log")
	}
}

func (m sessionFactory) race(t *testing.T) {
	for _, keys := range [][2]string{{"", ""}, {"", "late"}, {"mine", ""}} {
		c := m.open(t)
		c.rotate(t, keys[0])
		for _, later := range []time.Duration{0, 5 * time.Second, 5 * time.Second} { // the last one after exactly 10 s: still within the limit
			m.clock.advance(later)
			c.present(t, c.parent(), keys[1]).want(t, 401, "refresh_token_used")
			c.wantAccepted(t)
		}
		m.clock.advance(time.Microsecond)
		c.present(t, c.parent(), keys[1]).want(t, 401, "refresh_token_reused")
		c.wantEnded(t)

		c = m.open(t)
		c.rotate(t, keys[0])
		c.present(t, c.parent(), keys[1]).want(t, 401, "refresh_token_used")
		c.rotate(t, keys[1]) // the session is still active
		c.wantAccepted(t)
	}
}

func (m sessionFactory) reusedAncestor(t *testing.T) {
	for _, key := range []string{"", "k1", "k2", "k3", "theirs"} {
		for age := 2; age <= 3; age++ {
			c := m.open(t)
			for _, k := range []string{"k1", "k2", "k3"} {
				c.rotate(t, k)
			}
			c.wantAccepted(t)
			c.present(t, c.refresh[len(c.refresh)-1-age], key).want(t, 401, "refresh_token_reused")
			c.wantEnded(t)
		}
	}
}

func (m sessionFactory) invalid(t *testing.T) {
	c, other := m.open(t), m.open(t)
	c.rotate(t, "k")
	token := c.parent()
	body := token[3 : len(token)-7]
	plus := func(n int64, power int64) string { // adds to the token's number
		v, _ := new(big.Int).SetString(body, 36)
		v.Add(v, new(big.Int).Lsh(big.NewInt(n), uint(power)))
		return fmt.Sprintf("%056s", v.Text(36))
	}
	for name, text := range map[string]string{
		"empty": "", "no token": "not a token", "an access token": c.access[0], "the prefix": "rt_",
		"another kind": "ow_live_" + token[3:], "upper case": strings.ToUpper(token), "with a space": token + " ",
		"another checksum":       token[:len(token)-1] + string('0'+(token[len(token)-1]-'0'+1)%10),
		"another proof":          withChecksum(plus(1, 0)),
		"another generation":     withChecksum(plus(1, 128)),
		"another session":        withChecksum(plus(1, 160)),
		"a number too large":     withChecksum(strings.Repeat("z", 56)),
		"longer than any header": strings.Repeat("r", 60_000),
	} {
		for _, key := range []string{"", "k", "theirs"} {
			if a := c.present(t, text, key); a.Status != 401 || a.Reason != "invalid_refresh_token" {
				t.Errorf("%s is answered %d %s", name, a.Status, a.Reason)
			}
		}
	}
	c.replay(t, "k")
	other.rotate(t, "")
	c.d.call(t, "RefreshToken", args{}).want(t, 422, "invalid_request")
}

// withChecksum returns the refresh token of a base36 payload, with a valid checksum.
func withChecksum(payload string) string {
	body := "rt_" + payload
	return body + fmt.Sprintf("%07s", strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 36))
}

// restoredBackup sets a session back, as restoring a backup does. A token issued after the backup
// is then refused, and the session stays active.
func (m sessionFactory) restoredBackup(t *testing.T) {
	c := m.open(t)
	for range 3 {
		c.rotate(t, "k")
	}
	m.n.exec(t, "UPDATE sessions SET generation = 2 WHERE user_id = $1", c.user)
	for _, token := range c.refresh[2:] {
		c.present(t, token, "k").want(t, 401, "invalid_refresh_token")
		m.d.call(t, "RevokeToken", args{"refresh_token": token}).want(t, 204, "")
	}
	c.wantAccepted(t)
	c.present(t, c.refresh[1], "").want(t, 200, "")
}

func (m sessionFactory) invalidRetryKey(t *testing.T) {
	c := m.open(t)
	for _, key := range []string{strings.Repeat("k", 256), "two words", "caf\u00e9"} {
		a := c.present(t, c.current(), key).want(t, 422, "invalid_request")
		if len(a.Fields) != 1 || a.Fields[0] != "Idempotency-Key" {
			t.Errorf("fields of a bad Idempotency-Key: %v", a.Fields)
		}
	}
	c.d.call(t, "RefreshToken", args{"refresh_token": c.current()}, header("Idempotency-Key", "")).want(t, 422, "invalid_request")
	c.rotate(t, "")
	c.wantAccepted(t)
}

// TestSessionLifetimes checks the absolute lifetime of a session that refreshes daily, and the end
// of idle sessions.
func TestSessionLifetimes(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		daily, hourly := m.open(t), m.openDeveloper(t)
		idle, stirred, late := m.open(t), m.openDeveloper(t), m.open(t)
		for d := 1; d < 90; d++ {
			m.clock.advance(day)
			daily.rotate(t, "")
			if d%20 == 0 {
				hourly.rotate(t, "k")
			}
			switch d {
			case 29:
				stirred.rotate(t, "")
			case 30:
				idle.present(t, idle.current(), "").want(t, 401, "invalid_refresh_token")
			case 31:
				late.present(t, late.current(), "").want(t, 401, "invalid_refresh_token")
			case 58:
				stirred.rotate(t, "")
			}
		}
		m.clock.advance(day - 10*time.Minute)
		a := daily.present(t, daily.current(), "last").want(t, 200, "")
		if in := a.Body.(map[string]any)["expires_in"]; in != float64(600) {
			t.Errorf("10 minutes before the end of its session an access token lives %v s", in)
		}
		m.clock.advance(10*time.Minute - time.Microsecond)
		last := daily.present(t, daily.current(), "last").want(t, 200, "") // a replay at the last moment
		daily.use(t, last.str("access_token")).want(t, 200, "")
		hourly.rotate(t, "")
		m.clock.advance(time.Microsecond)
		for _, c := range []*clientSession{daily, hourly, stirred} {
			c.wantEnded(t)
		}
		daily.use(t, last.str("access_token")).want(t, 401, "token_expired")
	})
}
