package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Limiter charges every request.
type Limiter struct {
	buckets     *buckets
	credentials *credentials
	adopter     *adopter
}

// Spend charges the bucket of the caller's credential or, without a valid one or
// with a key that may not be used in this way, of its address. byAddress is the operation's own policy for addresses; one
// without a name means the common one. The answer describes the bucket that was
// charged. If a bucket cannot be reached, the answer describes a full one and
// the request is refused as Unavailable. Spend revalidates the credential, and
// leaves the caller without a principal if a peer has ended it. Once the address is
// charged, it may adopt an unknown API key, which then bears the charge in its place.
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
	if err := l.buckets.spendAddress(ctx, c, byAddress); err != nil {
		return err
	}
	return l.adopt(ctx, c)
}

// adopt adopts the key of a caller whose address was charged.
func (l *Limiter) adopt(ctx context.Context, c *Caller) error {
	ok, err := l.adopter.caller(ctx, c, c.AddressID())
	if !ok || err != nil {
		return err
	}
	if l.credentials.authenticate(ctx, c); c.Principal == nil {
		return nil
	}
	l.buckets.refund(ctx, c)
	version, err := l.buckets.spendCredential(ctx, c)
	if err == nil {
		l.credentials.revalidate(ctx, c, version)
	}
	return err
}

// SpendMore charges the bucket of the caller's credential for the rest of a
// request that counts as units, of which Spend has charged one. More than the
// whole limit counts as the whole limit. The answer describes what is left.
func (l *Limiter) SpendMore(ctx context.Context, units int) error {
	return l.buckets.spendMore(ctx, CallerFrom(ctx), units)
}

// Look describes the caller's bucket as Spend does, and charges nothing.
func (l *Limiter) Look(ctx context.Context, c *Caller) { l.buckets.look(ctx, c) }

// Counts returns how many requests the limit of each name has allowed and limited
// since the start. Unlike the answers, it counts every limit that a request spends.
func (l *Limiter) Counts(f func(name string, allowed, limited func() float64)) {
	for i, name := range limitNames {
		of := &l.buckets.counts[i]
		f(name, func() float64 { return float64(of.allowed.Load()) }, func() float64 { return float64(of.limited.Load()) })
	}
}

// Policies returns the limits in force.
func (l *Limiter) Policies() Limits { return *l.buckets.limits }
