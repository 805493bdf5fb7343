package scenario_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

var (
	effort    = flag.Int("refresh.effort", 1, "multiply the rounds of the refresh tests")
	modelSeed = flag.Uint64("refresh.seed", 0, "replay the refresh model with this seed")
)

// modelSession is the state that a session must have according to the rules.
type modelSession struct {
	*clientSession
	rotatedBy     string // "" without a key
	rotatedAt     time.Time
	expires       time.Time
	ends          time.Time
	ended         bool
	accessExpires []time.Time // one for each access token
}

func (s *modelSession) dead(now time.Time) bool { return s.ended || !now.Before(s.expires) }

// expect returns the reason for presenting refresh token i with the key at the time now. For a
// success it returns "rotated" or "replayed".
func (s *modelSession) expect(i int, key string, now time.Time) string {
	newest := len(s.refresh) - 1
	if s.dead(now) {
		return "invalid_refresh_token"
	}
	if i == newest {
		return "rotated"
	}
	if i < newest-1 {
		return "refresh_token_reused"
	}
	if key != "" && s.rotatedBy != "" {
		if key == s.rotatedBy {
			return "replayed"
		}
		return "refresh_token_reused"
	}
	if now.Sub(s.rotatedAt) > 10*time.Second {
		return "refresh_token_reused"
	}
	return "refresh_token_used"
}

// model runs the same steps on a node and on the rules.
type model struct {
	sessionFactory
	random   *rand.Rand
	surfaces []driver
	sessions []*modelSession
	history  []string
}

func (m *model) log(format string, a ...any) {
	m.history = append(m.history, fmt.Sprintf(format, a...))
}

// fail ends the test with the last steps of the history.
func (m *model) fail(t *testing.T, format string, a ...any) {
	t.Helper()
	t.Fatalf(format+"\nafter %d steps, the last of which were\n%s", append(a, len(m.history),
		strings.Join(m.history[max(0, len(m.history)-40):], "\n"))...)
}

// TestRefreshFollowsItsModel takes random steps on random surfaces (refresh, retry, replay of any
// ancestor, revocation, deletion of the user, time) and compares each answer with a model of the
// rules.
func TestRefreshFollowsItsModel(t *testing.T) {
	t.Parallel()
	seed := *modelSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (repeat with -args -refresh.seed=%[1]d)", seed)
	var clock *manualClock
	n := start(t, unlimited, withManualClock(&clock))
	m := &model{
		sessionFactory: newSessionFactory(t, n, n.drivers()[0], clock), random: rand.New(rand.NewPCG(seed, 0)), surfaces: n.drivers(),
	}
	seen := make(map[string]int)
	for range 2500 * *effort {
		seen[m.step(t)]++
	}
	for _, result := range []string{
		"rotated", "replayed", "refresh_token_used", "refresh_token_reused", "invalid_refresh_token",
		"accepted", "token_expired", "invalid_token", "revoked", "deleted",
	} {
		if seen[result] == 0 {
			t.Errorf("no step was answered %s: %v", result, seen)
		}
	}
	t.Log(seen)
}

// step takes a random step and returns its result.
func (m *model) step(t *testing.T) string {
	m.d = m.surfaces[m.random.IntN(len(m.surfaces))]
	var living []*modelSession
	for _, s := range m.sessions {
		if !s.dead(m.clock.now()) {
			living = append(living, s)
		}
	}
	if len(living) < 3 {
		living = append(living, m.open(t))
	}
	s := living[m.random.IntN(len(living))]
	if m.random.IntN(8) == 0 {
		s = m.sessions[max(0, len(m.sessions)-1-m.random.IntN(5))]
	}
	s.d = m.d
	switch p := m.random.IntN(100); {
	case p < 55:
		return m.present(t, s)
	case p < 75:
		return m.useAccess(t, s)
	case p < 97:
		return m.advanceClock()
	case p < 99:
		return m.revoke(t, s)
	default:
		return m.delete(t, s)
	}
}

func (m *model) open(t *testing.T) *modelSession {
	now := m.clock.now()
	s := &modelSession{clientSession: m.sessionFactory.open(t), rotatedAt: now, expires: now.Add(30 * day), ends: now.Add(90 * day)}
	s.accessExpires = []time.Time{now.Add(time.Hour)}
	m.sessions = append(m.sessions, s)
	m.log("open %d", len(m.sessions)-1)
	return s
}

// advanceClock advances the clock, most often close to a time that matters to the rules.
func (m *model) advanceClock() string {
	steps := []time.Duration{
		time.Microsecond, time.Second, 5 * time.Second, 10*time.Second - time.Microsecond, 10 * time.Second, 11 * time.Second,
		time.Minute, 30 * time.Minute, time.Hour, day, 9 * day, 29 * day, 30*day - time.Microsecond, 30 * day,
	}
	i := min(m.random.IntN(len(steps)), m.random.IntN(len(steps)), m.random.IntN(len(steps)))
	m.clock.advance(steps[i])
	m.log("advance %v", steps[i])
	return "passed"
}

// present presents one of the session's refresh tokens with a random key.
func (m *model) present(t *testing.T, s *modelSession) string {
	now := m.clock.now()
	i := max(0, len(s.refresh)-1-[]int{0, 0, 0, 1, 1, 1, 1, 2, 3}[m.random.IntN(9)])
	key := []string{"", s.rotatedBy, s.rotatedBy, "k1", "k2"}[m.random.IntN(5)]
	want := s.expect(i, key, now)
	m.log("present %d/%d key %q: %s", i, len(s.refresh), key, want)
	a := s.clientSession.present(t, s.refresh[i], key)
	got := a.Reason
	if a.Status == 200 {
		got = "rotated"
		if a.Header.Get("Idempotent-Replayed") != "" {
			got = "replayed"
		}
	}
	if got != want {
		m.fail(t, "the answer is %d %s, want %s", a.Status, got, want)
	}
	switch got {
	case "rotated":
		s.record(a)
		s.rotatedBy, s.rotatedAt = key, now
		if s.expires = now.Add(30 * day); s.expires.After(s.ends) {
			s.expires = s.ends
		}
	case "replayed":
		if a.str("refresh_token") != s.current() {
			m.fail(t, "a replay has another successor")
		}
		s.access = append(s.access, a.str("access_token"))
	case "refresh_token_reused":
		s.ended = true
	}
	if a.Status == 200 {
		in, _ := a.Body.(map[string]any)["expires_in"].(float64)
		if want := min(3600, max(1, int(s.ends.Sub(now)/time.Second))); int(in) != want {
			m.fail(t, "expires_in is %v, want %d", in, want)
		}
		s.accessExpires = append(s.accessExpires, now.Truncate(time.Second).Add(time.Duration(in)*time.Second))
	}
	return got
}

// useAccess uses one of the session's access tokens.
func (m *model) useAccess(t *testing.T, s *modelSession) string {
	now := m.clock.now()
	i := max(0, len(s.access)-1-m.random.IntN(3))
	want := "accepted"
	switch {
	case !now.Before(s.accessExpires[i]):
		want = "token_expired"
	case s.dead(now):
		want = "invalid_token"
	}
	m.log("use %d/%d: %s", i, len(s.access), want)
	a := s.use(t, s.access[i])
	if a.Status == 200 {
		a.Reason = "accepted"
	}
	if a.Reason != want {
		m.fail(t, "an access token is answered %d %s, want %s", a.Status, a.Reason, want)
	}
	return want
}

func (m *model) revoke(t *testing.T, s *modelSession) string {
	i := m.random.IntN(len(s.refresh))
	m.log("revoke by %d/%d", i, len(s.refresh))
	m.d.call(t, "RevokeToken", args{"refresh_token": s.refresh[i]}).want(t, 204, "")
	s.ended = true
	return "revoked"
}

func (m *model) delete(t *testing.T, s *modelSession) string {
	m.log("delete the user")
	a := m.d.call(t, "DeleteUser", args{"id": s.user}, bearer(m.key))
	if a.Status != 200 && a.Status != 404 {
		m.fail(t, "deleting a user is answered %d %s", a.Status, a.Reason)
	}
	s.ended = true
	return "deleted"
}
