package openwearables

import (
	mathrand "math/rand/v2"
	"time"

	"connectrpc.com/connect"
)

// verdict is what the outcome of a refresh attempt means for the session.
type verdict uint8

const (
	refreshed     verdict = iota // a new pair
	transient                    // try again with the same retry key
	limited                      // try again when the server says
	raced                        // somebody else spent the token moments ago
	dead                         // the session has ended
	doubtful                     // a 401 that says not why
	misconfigured                // the request can never work; the session is not the cause
)

// judge decides on a refresh attempt. Only the server's own word, with a reason
// that says so, ends a session.
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
	switch err.Reason {
	case "refresh_token_used":
		return raced
	case "invalid_refresh_token", "refresh_token_reused":
		return dead
	default:
		return doubtful
	}
}

// How long the engine waits, and how often it tries.
const (
	renewalTimeout = 35 * time.Second
	attemptTimeout = 10 * time.Second
	lockTimeout    = 12 * time.Second // longer than an attempt
	storeTimeout   = 5 * time.Second
	maxAttempts    = 4

	raceWait     = 2 * time.Second        // for the winner's pair to be stored
	racePoll     = 100 * time.Millisecond //
	doubtApart   = 5 * time.Second        // between two equal doubtful verdicts that count
	refusalApart = 10 * time.Second       // before a token fetched because of a refusal is renewed for another
	saveRetry    = 5 * time.Second        // before a refused save is tried again

	firstBackoff = 250 * time.Millisecond
	maxBackoff   = 8 * time.Second
	cooldownBase = 5 * time.Second
	maxCooldown  = time.Minute
)

// backoff is the full-jitter wait before the retry after n failures.
func backoff(n int) time.Duration {
	limit := min(maxBackoff, firstBackoff<<min(n-1, 10))
	return time.Duration(mathrand.Int64N(int64(limit)) + 1)
}

// cooldownFor is how long nobody tries after the n-th renewal in a row that
// failed: 5 to 10 s, doubling up to a minute, or what the server asks for.
func cooldownFor(n int, err *Error) time.Duration {
	if err.RetryAfter > 0 {
		return min(err.RetryAfter, maxCooldown)
	}
	base := min(cooldownBase<<min(n-1, 10), maxCooldown/2)
	return base + time.Duration(mathrand.Int64N(int64(base)))
}

// attemptsFor is how many attempts a renewal makes after n failed ones: one is
// enough to learn that the server is back.
func attemptsFor(n int) int {
	if n == 0 {
		return maxAttempts
	}
	return 1
}
