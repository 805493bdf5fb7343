package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Limiter spends the buckets that every request spends.
type Limiter struct{ *core }

// Spend charges the caller's credential or, where there is no valid one, its
// address, with the operation's own policy where it has one. The bucket
// becomes what the answer describes; one that cannot be read is described as if
// nothing were spent, and the request refused as Unavailable. A credential that a peer has ended since it
// was proved is noticed here, and the caller left without a principal.
func (l *Limiter) Spend(ctx context.Context, c *Caller, byAddress ratelimit.Policy) error {
	if c.Principal != nil {
		policy, id := l.bucket(c, byAddress)
		w, mark, err := l.peers.Spend(ctx, policy, id, c.Principal.subject)
		if err != nil {
			c.Window = policy.Fresh(l.now())
			return problem.UnavailableError(err)
		}
		c.Window = w
		if !w.Admitted {
			return l.refusal(w)
		}
		if l.believe(ctx, c, mark); c.Principal != nil {
			return nil
		}
	}
	policy, id := l.bucket(c, byAddress)
	w, err := l.peers.Take(ctx, policy, id)
	if err != nil {
		c.Window = policy.Fresh(l.now())
		return problem.UnavailableError(err)
	}
	c.Window, c.Spent = w, policy
	return l.refusal(w)
}

// Look makes the caller's bucket what the answer describes, as Spend does, and
// spends nothing.
func (l *Limiter) Look(ctx context.Context, c *Caller) {
	policy, id := l.bucket(c, ratelimit.Policy{})
	w, err := l.peers.Peek(ctx, policy, id)
	if err != nil {
		w = policy.Fresh(l.now())
	}
	c.Window = w
}

// Policies returns the limits in force.
func (l *Limiter) Policies() Limits { return l.config.Limits }

func (l *Limiter) bucket(c *Caller, byAddress ratelimit.Policy) (ratelimit.Policy, string) {
	if p := c.Principal; p != nil {
		switch p.Kind {
		case DeveloperToken:
			return l.config.Limits.Developer, p.ID
		case APIKey:
			return l.config.Limits.Key, p.ID
		default:
			return l.config.Limits.User, p.ID
		}
	}
	if byAddress.Name == "" {
		byAddress = l.config.Limits.Address
	}
	return byAddress, c.AddressID()
}

// take spends one of a bucket that the answer describes only if it refuses.
func (s *core) take(ctx context.Context, p ratelimit.Policy, id string) error {
	w, err := s.peers.Take(ctx, p, id)
	if err != nil {
		return problem.UnavailableError(err)
	}
	if !w.Admitted {
		CallerFrom(ctx).Window = w
	}
	return s.refusal(w)
}

// takeAccount spends one of an account's attempts at its password. No answer
// ever describes that bucket, not even one that it refused.
func (s *core) takeAccount(ctx context.Context, id string) error {
	w, err := s.peers.Take(ctx, s.config.Limits.LoginAccount, id)
	if err != nil {
		return problem.UnavailableError(err)
	}
	return s.refusal(w)
}

func (s *core) refusal(w ratelimit.Window) error {
	if w.Admitted {
		return nil
	}
	return &problem.Error{
		Kind: problem.RateLimited, Reason: "rate_limited", Detail: "Too many requests, try again later",
		RetryAfter: w.RetryAfter(s.now()),
	}
}

// giveBack returns one to a bucket. A bucket that cannot be reached keeps it:
// the caller is refused a little early and nothing else is harmed.
func (s *core) giveBack(ctx context.Context, p ratelimit.Policy, id string) {
	if p.Name == "" {
		return
	}
	if err := s.peers.Return(ctx, p, id); err != nil {
		s.log.WarnContext(ctx, "a rate limit could not be given back", "policy", p.Name, "error", err)
	}
}
