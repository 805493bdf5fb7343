package auth

import (
	"context"
	"net/netip"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Caller describes who makes one request, as the transport saw it, and what the
// headers of the answer are to say. One goroutine owns it.
type Caller struct {
	RequestID string
	Address   netip.Addr
	Client    string // User-Agent, at most 255 bytes
	Page      bool   // a page of a browser sent the request
	Operation string // operationId; "" until a route matches

	// Principal is nil unless a valid credential was presented. Refused is then
	// the reason; it is nil if none was presented.
	Principal *Principal
	Refused   *problem.Error

	// IdempotencyKey is the header's value; nil without the header.
	IdempotencyKey *string

	// Window is the bucket that the answer describes.
	Window ratelimit.Window
	// Spent is the address bucket that was charged because the header held no
	// valid credential. An operation gives it back once it has authenticated
	// one in the body. A zero Policy means that none was charged.
	Spent ratelimit.Policy
	// Foreign reports that a secret was presented which this server has not made:
	// it has not the form and the MAC or checksum of one, or names nothing here.
	// No audit row holds it.
	Foreign bool
	// Replayed reports that the answer is an earlier one, given again.
	Replayed bool
	// Own is the limit of the operation for callers with a valid credential. One without
	// a name means the credential's.
	Own ratelimit.Policy

	proved    Holder            // by a credential in the body
	barred    *Principal        // of a valid key that may not be used in this way; Refused says why
	presented string            // what the header holds
	keyOnly   bool              // only an API key is accepted
	verified  bool              // against the store, for this request
	counted   bool              // as a use of an older secret
	dry       bool              // this is no use of the credential
	exchanged credential.Hash   // of the application's secret in the body, once it was verified
	exchanger StoredApplication // that it was verified of, as it was then
}

// CallerKey is the key of the *Caller in a context. WithCaller sets it; a context
// type that carries more may return the caller under it.
type CallerKey struct{}

// WithCaller returns a context in which CallerFrom finds c.
func WithCaller(ctx context.Context, c *Caller) context.Context {
	return context.WithValue(ctx, CallerKey{}, c)
}

// CallerFrom returns the caller of ctx. Without one it returns a caller that
// holds no credential, so that a forgotten middleware refuses and never admits.
func CallerFrom(ctx context.Context) *Caller {
	if c, ok := ctx.Value(CallerKey{}).(*Caller); ok {
		return c
	}
	return &Caller{}
}

// AddressID returns the identity by which the caller's address is limited: the
// address, or its /64 for IPv6, of which one subscriber holds at least that
// many.
func (c *Caller) AddressID() string {
	a := c.Address.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// network returns the network of the caller's address, of so many bits for IPv4
// and IPv6, or "" if the address is unknown.
func (c *Caller) network(v4, v6 int) string {
	a, bits := c.Address.Unmap().WithZone(""), v6
	if a.Is4() {
		bits = v4
	}
	p, err := a.Prefix(bits)
	if err != nil || !p.IsValid() {
		return ""
	}
	return p.String()
}

// neighbourhood returns the network in which an account expects its holder again:
// the /24 of the caller's address, or the /48 for IPv6; "" if it is unknown.
func (c *Caller) neighbourhood() string { return c.network(24, 48) }

// guest returns the caller as the lane of hashes tells callers apart. A /24, or a
// /56 for IPv6, is as much as one subscriber is given.
func (c *Caller) guest(known bool) credential.Guest {
	return credential.Guest{Network: c.network(24, 56), Known: known}
}

// Identity names the caller when calls take turns: its principal, or else its
// address.
func (c *Caller) Identity() string {
	if c.Principal == nil {
		return c.AddressID()
	}
	return c.Principal.Actor()
}

// Holder returns who holds the credential that the request has proved: the one in
// the body or, without it, the one in the header, also if that was refused because of
// where it was used.
func (c *Caller) Holder() Holder {
	p := c.Principal
	if p == nil {
		p = c.barred
	}
	if p != nil && c.proved.Kind == 0 {
		return Holder{p.Kind, p.ID, p.AppID}
	}
	return c.proved
}

func (c *Caller) actor() string {
	if c.Principal == nil {
		return anonymousActor
	}
	return c.Principal.Actor()
}

// Event starts an audit event by this caller.
func (c *Caller) Event(action, subject string, at time.Time) audit.Event {
	e := audit.Event{
		At: at, Action: action, Outcome: audit.OK, Actor: c.actor(), Subject: subject,
		Client: c.Client, RequestID: c.RequestID,
	}
	if c.Address.IsValid() {
		e.IP = c.Address.String()
	}
	return e
}

// principal returns the authenticated principal, or the 401 that says why there
// is none.
func (c *Caller) principal() (*Principal, error) {
	switch {
	case c.Principal != nil:
		return c.Principal, nil
	case c.Refused != nil:
		return nil, c.Refused
	default:
		return nil, errMissingCredential()
	}
}

// Authenticated refuses a caller without a valid credential: 401, or 400 for
// several credentials at once.
func (c *Caller) Authenticated() error {
	_, err := c.principal()
	return err
}

func (c *Caller) presentsKey() bool { return c.keyOnly || credential.HasKeyForm(c.presented) }

// idempotencyKey returns the caller's key, "" if none was sent, or the 422 that
// says what is wrong with it.
func (c *Caller) idempotencyKey() (string, error) {
	if c.IdempotencyKey == nil {
		return "", nil
	}
	k := *c.IdempotencyKey
	ok := len(k) >= 1 && len(k) <= 255
	for i := 0; ok && i < len(k); i++ {
		ok = k[i] > ' ' && k[i] < 0x7f
	}
	if !ok {
		return "", problem.InvalidError(problem.FieldError{Field: "Idempotency-Key", Message: "must be 1 to 255 visible ASCII characters"})
	}
	return k, nil
}
