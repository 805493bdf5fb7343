package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// buckets counts what callers spend against their limits. A bucket that is
// described becomes the caller's Window, which the headers of the answer show.
// A bucket that cannot be reached is an error of kind Unavailable. Safe for
// concurrent use.
type buckets struct {
	limits *Limits
	peers  Peers
	now    func() time.Time
	log    *slog.Logger
	counts limitCounts
}

// spendCredential charges the bucket of the caller's principal, which must be
// set, and describes it. It returns the version that the principal's subject
// had in the same instant.
func (b *buckets) spendCredential(ctx context.Context, c *Caller) (version uint64, err error) {
	policy, id := b.credential(c)
	w, version, err := b.peers.Spend(ctx, policy, id, c.Principal.subject)
	return version, b.describe(c, policy, w, err)
}

// chargeCredentials describes the buckets of the callers' principals, which must be set,
// of each of which it charges one if spend says so, in one exchange. It returns the
// versions as spendCredential does, and refuses nobody.
func (b *buckets) chargeCredentials(ctx context.Context, callers []*Caller, spend []bool) (versions []uint64, _ error) {
	if len(callers) == 0 {
		return nil, nil
	}
	steps := make([]ratelimit.Step, len(callers))
	for i, c := range callers {
		steps[i].Policy, steps[i].ID = b.credential(c)
		steps[i].Subject = c.Principal.subject
		if spend[i] {
			steps[i].Action = ratelimit.ToTake
		}
	}
	out, err := b.peers.Charge(ctx, false, steps...)
	if err != nil {
		return nil, problem.UnavailableError(err)
	}
	versions = make([]uint64, len(out))
	for i, o := range out {
		callers[i].Window, versions[i] = o.Window, o.Version
		if spend[i] {
			b.counts.add(steps[i].Policy.Name, o.Window.Admitted)
		}
	}
	return versions, nil
}

// spendMore charges that bucket for a request that counts as units, less the one
// that it has cost, and describes it.
func (b *buckets) spendMore(ctx context.Context, c *Caller, units int) error {
	policy, id := b.credential(c)
	if policy.Cost = min(units, policy.Limit) - 1; policy.Cost < 1 {
		return nil
	}
	w, err := b.peers.Take(ctx, policy, id)
	return b.describe(c, policy, w, err)
}

// spendAddress charges the bucket of the caller's address and describes it. A
// policy without a name means the one for addresses. The caller keeps the
// policy, so that an operation can give the charge back.
func (b *buckets) spendAddress(ctx context.Context, c *Caller, policy ratelimit.Policy) error {
	if policy.Name == "" {
		policy = b.limits.Address
	}
	w, err := b.peers.Take(ctx, policy, c.AddressID())
	if err == nil {
		c.Spent = policy
	}
	return b.describe(c, policy, w, err)
}

// look describes the bucket that the caller would spend from, and spends
// nothing. A bucket that cannot be reached is described as full.
func (b *buckets) look(ctx context.Context, c *Caller) {
	policy, id := b.limits.Address, c.AddressID()
	if c.Principal != nil {
		policy, id = b.credential(c)
	}
	w, err := b.peers.Peek(ctx, policy, id)
	if err != nil {
		w = policy.Fresh(b.now())
	}
	c.Window = w
}

// credential returns the policy and id of the bucket of the caller's principal.
func (b *buckets) credential(c *Caller) (ratelimit.Policy, string) {
	p := c.Principal
	switch {
	case c.Own.Name != "":
		return c.Own, p.ID
	case p.Kind == DeveloperToken:
		return b.limits.Developer, p.ID
	case p.Kind == APIKey:
		return b.limits.Key, p.ID
	default:
		return b.limits.User, p.ID
	}
}

// describe sets w as the bucket that the answer describes and returns the
// refusal if w did not admit. If err is set, it describes a full bucket and
// returns the failure.
func (b *buckets) describe(c *Caller, p ratelimit.Policy, w ratelimit.Window, err error) error {
	if err != nil {
		c.Window = p.Fresh(b.now())
		return problem.UnavailableError(err)
	}
	c.Window = w
	b.counts.add(p.Name, w.Admitted)
	return b.refusal(w)
}

// spend charges a bucket. It neither describes nor refuses.
func (b *buckets) spend(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, err := b.peers.Take(ctx, p, id)
	if err != nil {
		return w, problem.UnavailableError(err)
	}
	b.counts.add(p.Name, w.Admitted)
	return w, nil
}

// charge takes the steps in turn until one is refused. It returns what they came to, and
// that refusal. It describes nothing.
func (b *buckets) charge(ctx context.Context, steps ...ratelimit.Step) ([]ratelimit.Outcome, error) {
	out, err := b.peers.Charge(ctx, true, steps...)
	if err != nil {
		return nil, problem.UnavailableError(err)
	}
	for i, o := range out {
		if steps[i].Action == ratelimit.ToTake {
			b.counts.add(steps[i].Policy.Name, o.Window.Admitted)
		}
		if steps[i].Refused(o.Window) {
			return out, b.refusal(o.Window)
		}
	}
	return out, nil
}

// peek reads a bucket without charging it.
func (b *buckets) peek(ctx context.Context, p ratelimit.Policy, id string) (ratelimit.Window, error) {
	w, err := b.peers.Peek(ctx, p, id)
	if err != nil {
		return w, problem.UnavailableError(err)
	}
	return w, nil
}

// take charges a bucket, which it describes only if it refuses.
func (b *buckets) take(ctx context.Context, p ratelimit.Policy, id string) error {
	w, err := b.spend(ctx, p, id)
	if err != nil {
		return err
	}
	if !w.Admitted {
		CallerFrom(ctx).Window = w
	}
	return b.refusal(w)
}

// refusal returns the 429 of a window that did not admit, or nil.
func (b *buckets) refusal(w ratelimit.Window) error {
	if w.Admitted {
		return nil
	}
	return &problem.Error{
		Kind: problem.RateLimited, Reason: "rate_limited", Detail: "Too many requests, try again later",
		RetryAfter: w.RetryAfter(b.now()),
	}
}

// giveBack returns one to a bucket. A policy without a name means that none was
// charged. If the bucket cannot be reached the charge stays: the caller is
// refused a little early, which does no other harm.
func (b *buckets) giveBack(ctx context.Context, p ratelimit.Policy, id string) {
	if p.Name == "" {
		return
	}
	if err := b.peers.Return(ctx, p, id); err != nil {
		b.log.WarnContext(ctx, "a rate limit could not be given back", "policy", p.Name, "error", err)
	}
}

// refund gives back what the caller's address was charged for the request, and
// describes the bucket anew.
func (b *buckets) refund(ctx context.Context, c *Caller) {
	if c.Spent.Name == "" {
		return
	}
	back := ratelimit.Step{Action: ratelimit.ToReturn, Policy: c.Spent, ID: c.AddressID()}
	look := ratelimit.Step{Action: ratelimit.ToPeek, Policy: c.Spent, ID: c.AddressID()}
	if out, err := b.peers.Charge(ctx, false, back, look); err == nil {
		c.Window = out[1].Window
	} else {
		b.log.WarnContext(ctx, "a rate limit could not be given back", "policy", c.Spent.Name, "error", err)
	}
	c.Spent = ratelimit.Policy{}
}
