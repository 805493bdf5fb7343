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
