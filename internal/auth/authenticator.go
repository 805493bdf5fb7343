package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/audit"
)

// Authenticator authenticates what a request presents.
type Authenticator struct {
	credentials *credentials
	trail       *trail
}

// Key authenticates an API key and sets the outcome in the caller. Everything
// else, and a key that has ended, is the same 401. A string whose checksum is
// wrong is refused without a lookup.
func (a *Authenticator) Key(ctx context.Context, c *Caller, secret string) {
	c.presented, c.keyOnly = secret, true
	a.credentials.authenticate(ctx, c)
}

// Bearer authenticates a credential whose form tells its kind: an API key, or
// an access token whose session is live. It sets the outcome in the caller.
func (a *Authenticator) Bearer(ctx context.Context, c *Caller, secret string) {
	c.presented, c.keyOnly = secret, false
	a.credentials.authenticate(ctx, c)
}

// Again returns the principal of the caller's credential as it is now, by the store and
// no cache, or the refusal once it has ended: its API key, or the session of its token.
// That an access token expires ends nothing, so that a long answer may outlive it.
func (a *Authenticator) Again(ctx context.Context, c *Caller) (*Principal, error) {
	return a.credentials.again(ctx, c)
}

// Report records in the audit trail that the request presents a valid API key which
// may not be used in this way or, once an hour for a key, that a page used one which
// may. It returns an error if a refusal cannot be recorded.
func (a *Authenticator) Report(ctx context.Context, c *Caller) error {
	switch {
	case c.barred != nil:
		e := c.Event(audit.KeyUse, c.barred.subject, a.trail.now())
		e.Actor = c.barred.Actor()
		if err := a.trail.refuseAs(ctx, e, c.Refused); err != error(c.Refused) {
			return err
		}
	case c.Page && c.Principal != nil && c.Principal.Kind == APIKey:
		a.trail.noteInBrowser(c, audit.KeyUse, c.Principal.subject)
	}
	return nil
}

// CacheStats describes the cache of verified credentials.
func (a *Authenticator) CacheStats() CacheStats {
	n := &a.credentials.counts
	return CacheStats{
		Hits: n.hits.Load(), Misses: n.misses.Load(), Outdated: n.outdated.Load(), Entries: a.credentials.cache.size(),
	}
}
