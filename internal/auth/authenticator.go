package auth

import "context"

// Authenticator authenticates what a request presents.
type Authenticator struct{ credentials *credentials }

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
