package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

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
