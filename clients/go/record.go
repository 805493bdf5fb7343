package openwearables

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"regexp"
	"strings"
	"time"
)

// record is a session as it is stored. It is replaced as a whole. The retry key is
// created with the pair, so that every process that reads the record, also after a
// crash, repeats the same renewal instead of starting a second one.
type record struct {
	Version  int    `json:"version"`
	BaseURL  string `json:"base_url"`
	User     string `json:"user_id,omitempty"` // as the app names the user, else the token's subject
	ID       string `json:"id"`                // of the sign-in; renewals keep it
	Access   string `json:"access_token"`
	Refresh  string `json:"refresh_token,omitempty"`
	RetryKey string `json:"retry_key"`
	TTL      int64  `json:"ttl"`        // seconds
	Expires  int64  `json:"expires_at"` // unix milliseconds of the server's clock
	SavedAt  int64  `json:"saved_at"`   // the same
	Skew     int64  `json:"skew"`       // milliseconds by which the server's clock was ahead of the writer's
}

const recordVersion = 1

// place is whose session a client works with: of which installation, and of which user
// if the app has said.
type place struct{ base, user string }

// holds reports whether the record is a session of this place. A record that does not
// name its user, as of earlier versions, belongs to the subject of its token, and to
// whoever asks by a name that no subject can have: the next record names that one.
func (p place) holds(r *record) bool {
	if r.BaseURL != p.base || p.user == "" {
		return r.BaseURL == p.base
	}
	if r.User == "" && !serverID.MatchString(p.user) {
		return true
	}
	return foldAddress(p.user) == foldAddress(cmp.Or(r.User, subjectOf(r.Access)))
}

// serverID is the form of the ids that the server gives to users and developers.
var serverID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// foldAddress returns an email address without its spaces and in lower case, and any other
// name as it is.
func foldAddress(name string) string {
	if !strings.Contains(name, "@") {
		return name
	}
	return strings.ToLower(strings.TrimSpace(name))
}

// of returns the place of the next record of the sign-in of r.
func (p place) of(r *record) place { return place{p.base, cmp.Or(p.user, r.User)} }

// subjectOf returns the subject of a JWT, "" if it cannot be read.
func subjectOf(token string) string {
	_, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	raw, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil {
		return ""
	}
	var claims struct {
		Subject string `json:"sub"`
	}
	_ = json.Unmarshal(raw, &claims)
	return claims.Subject
}

// session is a record in use. Once published it is immutable.
type session struct {
	record
	raw        []byte        // the record as it is stored
	held       []byte        // while unsaved: the record in the store
	unsaved    bool          // saving raw failed
	unread     bool          // while unsaved: held is unknown; whatever it is, s replaces it
	header     []string      // the Authorization header
	soft, hard time.Duration // monotonic: when to renew, when it expires
	received   time.Duration // monotonic
	fetched    bool          // by this process, not loaded from the store
	forRefusal bool          // fetched because the server refused its predecessor
}

// stored returns the record that the store is expected to hold while s is current;
// nil if s is nil.
func (s *session) stored() []byte {
	switch {
	case s == nil:
		return nil
	case s.unsaved:
		return s.held
	default:
		return s.raw
	}
}

// over returns the unsaved session as one that is to replace the record held.
func (s *session) over(held []byte) *session {
	next := *s
	next.held, next.unread = held, false
	return &next
}

// replaces reports whether the unsaved session s is to replace the record raw of the store:
// the one that it found there, or, for a sign-in, what another process made of that one.
func (s *session) replaces(raw []byte) bool {
	if s.unread || bytes.Equal(raw, s.held) {
		return true
	}
	id := signInOf(raw)
	return id != "" && id != s.ID && id == signInOf(s.held)
}

// signInOf returns the id of the sign-in of a record, "" if it has none.
func signInOf(raw []byte) string {
	var r record
	_ = json.Unmarshal(raw, &r)
	return r.ID
}

// sessionID returns the id of the sign-in, "" if s is nil.
func (s *session) sessionID() string {
	if s == nil {
		return ""
	}
	return s.ID
}

// is reports whether o is the same session with the same tokens; saving a session again
// makes another object of it.
func (s *session) is(o *session) bool { return o != nil && s.ID == o.ID && s.Access == o.Access }

// carries reports whether access is the access token of s and not "".
func (s *session) carries(access string) bool { return access != "" && s.Access == access }

// refreshOf returns the refresh token of s, "" if s is nil.
func refreshOf(s *session) string {
	if s == nil {
		return ""
	}
	return s.Refresh
}

const (
	maxMargin    = time.Minute
	marginJitter = 0.2
	// skewGrain is the smallest skew that the seconds of a Date header can show.
	skewGrain = 2 * time.Second
	// savedTolerance is how far the time of saving may lie in the future, since
	// another machine may have saved the record. Beyond it the record counts as
	// expired.
	savedTolerance = 5 * time.Second
)

// newSession returns the session of a pair that was requested at the monotonic time
// asked. date is the time on the server's clock, zero if unknown.
func newSession(at place, id string, p TokenPair, c clock, asked time.Duration, date time.Time) *session {
	now := c.wall()
	ttl := min(p.ExpiresIn, maxSeconds*time.Second)
	var skew time.Duration
	if !date.IsZero() {
		if skew = date.Sub(now); skew.Abs() < skewGrain || skew.Abs() > maxSeconds*time.Second {
			skew = 0
		}
	}
	s := &session{fetched: true, record: record{
		Version: recordVersion, BaseURL: at.base, User: cmp.Or(at.user, subjectOf(p.Access.Reveal())), ID: id,
		Access: p.Access.Reveal(), Refresh: p.Refresh.Reveal(), RetryKey: randomKey(),
		TTL:     int64(ttl / time.Second),
		Expires: now.Add(skew + ttl).UnixMilli(), SavedAt: now.Add(skew).UnixMilli(), Skew: skew.Milliseconds(),
	}}
	s.raw, _ = json.Marshal(s.record) // strings and integers always marshal
	s.arm(asked, asked+ttl)
	return s
}

var (
	errForeignRecord = errors.New("it holds no session of this package; remove it, or use another store")
	errElsewhere     = errors.New("it holds the session of another user or base URL")
)

// openSession reads a stored record; one of another place is errElsewhere. Its remaining
// life is computed on the server's
// clock, with the skew that the writer measured. A record that was saved in the
// future, or with more time left than its lifetime, counts as expired.
func openSession(at place, raw []byte, c clock) (*session, error) {
	s := &session{raw: bytes.Clone(raw)}
	if err := json.Unmarshal(raw, &s.record); err != nil || s.Version != recordVersion || s.Access == "" ||
		s.ID == "" || s.RetryKey == "" || fault(s.Access) != "" || fault(s.Refresh) != "" {
		return nil, errForeignRecord
	}
	if !at.holds(&s.record) {
		return nil, errElsewhere
	}
	ttl := time.Duration(min(max(s.TTL, 0), maxSeconds)) * time.Second
	now := c.wall().UnixMilli() + s.Skew
	left := s.Expires - now // milliseconds
	if now < s.SavedAt-savedTolerance.Milliseconds() || left > (ttl+savedTolerance).Milliseconds() || left < 0 {
		left = 0
	}
	mono := c.mono()
	end := mono + time.Duration(left)*time.Millisecond
	s.TTL = int64(ttl / time.Second)
	s.arm(end-ttl, end)
	return s, nil
}

// arm sets what is derived from the record and the monotonic clock.
func (s *session) arm(received, hard time.Duration) {
	s.header = []string{"Bearer " + s.Access}
	s.received, s.hard = received, hard
	s.soft = hard - margin(time.Duration(s.TTL)*time.Second, mathrand.Float64())
}

// margin returns how long before its expiry a token is renewed: a minute or a
// quarter of its lifetime, whichever is less, plus up to a fifth by jitter (0 to 1)
// so that clients do not renew all at once.
func margin(ttl time.Duration, jitter float64) time.Duration {
	return time.Duration(float64(min(maxMargin, ttl/4)) * (1 + marginJitter*jitter))
}

// randomKey returns at least 128 random bits as lower-case letters and digits.
func randomKey() string { return strings.ToLower(rand.Text()) }
