package openwearables

import (
	"context"
	"errors"
	mathrand "math/rand/v2"
	"time"

	"connectrpc.com/connect"
)

// verdict is what the result of a refresh attempt means for the session.
type verdict uint8

const (
	refreshed     verdict = iota // a new pair
	transient                    // try again with the same retry key
	limited                      // try again when the server allows it
	raced                        // another process used the token moments ago
	dead                         // the session has ended
	doubtful                     // a 401 without a known reason
	misconfigured                // another attempt would not help; the session is not the cause
)

// judge returns the verdict on a refresh attempt. Only a refusal by the server
// itself, with one of the reasons that mean it, ends a session.
func judge(err *Error) verdict {
	switch {
	case err == nil:
		return refreshed
	case err.Kind == KindRateLimited:
		return limited
	case err.Code == connect.CodeUnauthenticated:
		return judgeRefusal(err)
	case err.status != 0:
		return transient
	case err.isInvalidResponse():
		return misconfigured
	}
	switch err.Code {
	case connect.CodePermissionDenied, connect.CodeInvalidArgument, connect.CodeUnimplemented,
		connect.CodeNotFound, connect.CodeFailedPrecondition, connect.CodeOutOfRange:
		return misconfigured
	default:
		return transient
	}
}

func judgeRefusal(err *Error) verdict {
	if err.status != 0 {
		return doubtful // whatever a gateway says
	}
	switch err.Reason {
	case "refresh_token_used":
		return raced
	case "invalid_refresh_token", "refresh_token_reused":
		return dead
	default:
		return doubtful
	}
}

// Limits of the engine's waits and attempts.
const (
	renewalTimeout = 35 * time.Second
	attemptTimeout = 10 * time.Second
	lockTimeout    = 12 * time.Second // longer than an attempt
	storeTimeout   = 5 * time.Second
	maxAttempts    = 4

	raceWait     = 2 * time.Second        // for the winner of a race to store its pair
	racePoll     = 100 * time.Millisecond //
	doubtApart   = 5 * time.Second        // from the first doubtful verdict to the one that ends the session
	refusalApart = 10 * time.Second       // from a renewal after a refusal to the next one
	saveRetry    = 5 * time.Second        // from a failed save to the next one

	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 8 * time.Second
	cooldownBase = 5 * time.Second
	maxCooldown  = time.Minute

	unansweredCooldown = time.Second // and as much again by jitter
)

// backoff returns the wait, with full jitter, before the retry after n failures.
func backoff(n int) time.Duration {
	limit := min(maxBackoff, firstBackoff<<min(n-1, 10))
	return time.Duration(mathrand.Int64N(int64(limit)) + 1)
}

// cooldownFor returns how long no renewal starts after the n-th failed one in a
// row: Retry-After, at most a minute; 1 to 2 s if no answer came; else 5 to 10 s,
// doubling up to a minute.
func cooldownFor(n int, err *Error) time.Duration {
	if err.RetryAfter > 0 {
		return min(err.RetryAfter, maxCooldown)
	}
	base := min(cooldownBase<<min(n-1, 10), maxCooldown/2)
	if err.isUnanswered() {
		base = unansweredCooldown
	}
	return base + time.Duration(mathrand.Int64N(int64(base)))
}

// isUnanswered reports whether no answer came, from the server or to the token provider.
func (e *Error) isUnanswered() bool {
	if e.Reason == ReasonProviderFailed {
		cause := (*Error)(nil)
		if errors.As(e.cause, &cause) {
			return cause.isUnanswered()
		}
		return errors.Is(e.cause, context.DeadlineExceeded) || isNetwork(e.cause)
	}
	return e.Kind == KindOffline || e.Kind == KindTimeout
}

// attemptsFor returns the number of attempts of a renewal after n failed ones: after
// a failure, one suffices to find out that the server is back.
func attemptsFor(n int) int {
	if n == 0 {
		return maxAttempts
	}
	return 1
}
