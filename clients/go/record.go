package openwearables

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"strings"
	"time"
)

// record is a session as it is stored: all of it is replaced at once. The retry
// key is drawn with the pair, so that whoever finds the record, another process
// or this one after a crash, repeats the same renewal and not a second one.
type record struct {
	Version  int    `json:"version"`
	BaseURL  string `json:"base_url"`
	ID       string `json:"id"` // of the sign-in, the same for all its renewals
	Access   string `json:"access_token"`
	Refresh  string `json:"refresh_token,omitempty"`
	RetryKey string `json:"retry_key"`
	TTL      int64  `json:"ttl"`        // seconds
	Expires  int64  `json:"expires_at"` // unix milliseconds of the server's clock
	SavedAt  int64  `json:"saved_at"`   // the same
	Skew     int64  `json:"skew"`       // milliseconds that the server's clock was ahead of the writer's
}

const recordVersion = 1

// session is a record in use. It is never changed once published.
type session struct {
	record
	raw        []byte        // the record as it is stored
	held       []byte        // what the store holds instead, while unsaved
	unsaved    bool          // the store refused raw
	header     []string      // of Authorization
	soft, hard time.Duration // monotonic: when to renew, when it is over
	received   time.Duration // monotonic
	fetched    bool          // by this process, and not found in the store
	forRefusal bool          // it was fetched because the one before was refused
}

// stored is what the store holds where it holds this session.
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

// sessionID is the id of the sign-in, "" of none.
func (s *session) sessionID() string {
	if s == nil {
		return ""
	}
	return s.ID
}

// carries reports whether s carries this access token.
func (s *session) carries(access string) bool { return access != "" && s.Access == access }

func refreshOf(s *session) string {
	if s == nil {
		return ""
	}
	return s.Refresh
}

const (
	maxMargin    = time.Minute
	marginJitter = 0.2
	// skewGrain is how coarse a Date header is; less than it is not a skew.
	skewGrain = 2 * time.Second
	// savedTolerance is how far in the future a record may be saved by another
	// machine before its times are distrusted.
	savedTolerance = 5 * time.Second
)

// newSession makes the session of a pair that was asked for at asked. date is
// the server's clock, zero if unknown.
func newSession(base, id string, p TokenPair, c clock, asked time.Duration, date time.Time) *session {
	now := c.wall()
	ttl := p.ExpiresIn
	var skew time.Duration
	if !date.IsZero() {
		if skew = date.Sub(now); skew.Abs() < skewGrain {
			skew = 0
		}
	}
	s := &session{fetched: true, record: record{
		Version: recordVersion, BaseURL: base, ID: id,
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
	errOtherBase     = errors.New("it holds a session of another base URL; use a store of its own for each")
)

// openSession reads a stored record. Its remaining life is counted on the
// server's clock as the writer knew it; a record from the future, or one that
// would live longer than it ever did, is over.
func openSession(base string, raw []byte, c clock) (*session, error) {
	s := &session{raw: bytes.Clone(raw)}
	if err := json.Unmarshal(raw, &s.record); err != nil || s.Version != recordVersion || s.Access == "" ||
		s.ID == "" || s.RetryKey == "" || checkBare(s.Access) != nil || checkBare(s.Refresh) != nil {
		return nil, errForeignRecord
	}
	if s.BaseURL != base {
		return nil, errOtherBase
	}
	now := c.wall().UnixMilli() + s.Skew
	left := time.Duration(s.Expires-now) * time.Millisecond
	ttl := time.Duration(s.TTL) * time.Second
	if now < s.SavedAt-savedTolerance.Milliseconds() || left > ttl+savedTolerance || left < 0 {
		left = 0
	}
	mono := c.mono()
	s.arm(mono-(ttl-left), mono+left)
	return s, nil
}

func (s *session) arm(received, hard time.Duration) {
	s.header = []string{"Bearer " + s.Access}
	s.received, s.hard = received, hard
	s.soft = hard - margin(time.Duration(s.TTL)*time.Second, mathrand.Float64())
}

// margin is how long before its end a token is renewed: a minute or a quarter of
// its life, and up to a fifth more so that clients do not come all at once.
func margin(ttl time.Duration, jitter float64) time.Duration {
	return time.Duration(float64(min(maxMargin, ttl/4)) * (1 + marginJitter*jitter))
}

// randomKey is at least 128 random bits in lower-case letters and digits.
func randomKey() string { return strings.ToLower(rand.Text()) }
