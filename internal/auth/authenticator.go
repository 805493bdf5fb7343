package auth

import "context"

// Authenticator proves what a request presents.
type Authenticator struct{ credentials *credentials }

// Key proves an API key and notes the outcome in the caller. Everything that is
// not one, or no longer, is the same 401; a string that fails its checksum is
// refused without a lookup.
func (a *Authenticator) Key(ctx context.Context, c *Caller, secret string) {
	c.presented, c.keyOnly = secret, true
	a.credentials.authenticate(ctx, c)
}

// Bearer proves a credential whose form tells its kind: an API key or an access
// token, whose session must still live.
func (a *Authenticator) Bearer(ctx context.Context, c *Caller, secret string) {
	c.presented, c.keyOnly = secret, false
	a.credentials.authenticate(ctx, c)
}
