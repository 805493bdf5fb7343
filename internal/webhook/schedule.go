package webhook

import (
	"fmt"
	"net/http"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// delays are how long a message waits after each failed attempt, before jitter; the
// last one repeats. giveUp is how long after the first attempt the last one is made.
var delays = []time.Duration{
	5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour, 10 * time.Hour,
}

const giveUp = 24 * time.Hour

// jitter is by which part of a delay it grows at most, so that the messages that
// failed together do not come back together.
const jitter = 0.2

// answer is how an attempt ended.
type answer struct {
	status     int32 // 0: no answer came
	fault      string
	retryAfter time.Duration
	took       time.Duration
	stopped    bool // this process ends
}

// settle writes into the claim how its attempt ended, at the instant, and returns why
// the endpoint is to be disabled; "" if it is not. chance is 0 to 1.
func settle(c *auth.WebhookClaim, a answer, now time.Time, chance float64) (disable string) {
	c.LastStatus, c.LastError, c.NextAttemptAt = nil, nil, nil
	c.LastDurationMs = new(int32(min(a.took, time.Hour).Milliseconds()))
	if a.status > 0 {
		c.LastStatus = &a.status
	}
	if a.fault != "" {
		c.LastError = &a.fault
	}
	last := c.StartedAt.Add(giveUp)
	switch {
	case a.fault == "":
		c.State = auth.WebhookDelivered
	case a.stopped:
		c.NextAttemptAt = &now
		return ""
	case c.Kind == auth.WebhookTest:
		c.State = auth.WebhookFailed
	case a.status == http.StatusGone:
		c.State, disable = auth.WebhookFailed, auth.WebhookGone
	case !now.Before(last):
		c.State, disable = auth.WebhookFailed, auth.WebhookFailing
	default:
		next := now.Add(max(delayAfter(c.Attempts, chance), a.retryAfter))
		if next.After(last) {
			next = last
		}
		c.NextAttemptAt = &next
		return ""
	}
	c.Body = nil
	return disable
}

// delayAfter returns how long a message waits after so many attempts.
func delayAfter(attempts int32, chance float64) time.Duration {
	d := delays[min(max(int(attempts), 1), len(delays))-1]
	return d + time.Duration(float64(d)*jitter*chance)
}

// faultOf says why a status is no success; "" if it is.
func faultOf(status int) string {
	switch {
	case status >= 200 && status <= 299:
		return ""
	case status >= 300 && status <= 399:
		return fmt.Sprintf("The endpoint answered with the status %d, a redirect, which is not followed: set the URL to where it leads", status)
	case status == http.StatusGone:
		return "The endpoint answered with the status 410: it wants no more messages"
	default:
		return fmt.Sprintf("The endpoint answered with the status %d", status)
	}
}
