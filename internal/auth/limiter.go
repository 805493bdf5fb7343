package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Limiter spends the buckets that every request spends.
type Limiter struct {
	buckets     *buckets
	credentials *credentials
}

// Spend charges the caller's credential or, where there is no valid one, its
// address, with the operation's own policy where it has one. The bucket
// becomes what the answer describes; one that cannot be read is described as if
// nothing were spent, and the request refused as Unavailable. A credential that
// a peer has ended since it was proved is noticed here, and the caller left
// without a principal.
func (l *Limiter) Spend(ctx context.Context, c *Caller, byAddress ratelimit.Policy) error {
	if c.Principal != nil {
		version, err := l.buckets.spendCredential(ctx, c)
		if err != nil {
			return err
		}
		if l.credentials.revalidate(ctx, c, version); c.Principal != nil {
			return nil
		}
	}
	return l.buckets.spendAddress(ctx, c, byAddress)
}

// Look makes the caller's bucket what the answer describes, as Spend does, and
// spends nothing.
func (l *Limiter) Look(ctx context.Context, c *Caller) { l.buckets.look(ctx, c) }

// Policies returns the limits in force.
func (l *Limiter) Policies() Limits { return *l.buckets.limits }
