package openwearables

import (
	"testing"
	"time"

	"connectrpc.com/connect"
)

func TestOnlyTheServersReasonEndsASession(t *testing.T) {
	unauthenticated := func(reason string) *Error {
		return &Error{Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: reason}
	}
	for _, c := range []struct {
		name string
		err  *Error
		want verdict
	}{
		{"a pair", nil, refreshed},
		{"no answer", &Error{Kind: KindOffline, Code: connect.CodeUnavailable}, transient},
		{"timeout", &Error{Kind: KindTimeout, Code: connect.CodeDeadlineExceeded}, transient},
		{"503", &Error{Kind: KindUnavailable, Code: connect.CodeUnavailable}, transient},
		{"500", &Error{Kind: KindInternal, Code: connect.CodeInternal}, transient},
		{"unknown", &Error{Kind: KindInternal, Code: connect.CodeUnknown}, transient},
		{"HTML 200", &Error{Kind: KindUnavailable, Code: connect.CodeUnknown, status: 200}, transient},
		{"HTML 403", &Error{Kind: KindUnavailable, Code: connect.CodePermissionDenied, status: 403}, transient},
		{"HTML 404", &Error{Kind: KindUnavailable, Code: connect.CodeUnimplemented, status: 404}, transient},
		{"429", &Error{Kind: KindRateLimited, Code: connect.CodeResourceExhausted}, limited},
		{"HTML 429", &Error{Kind: KindRateLimited, Code: connect.CodeUnavailable, status: 429}, limited},
		{"used", unauthenticated("refresh_token_used"), raced},
		{"invalid", unauthenticated("invalid_refresh_token"), dead},
		{"reused", unauthenticated("refresh_token_reused"), dead},
		{"no reason", unauthenticated(""), doubtful},
		{"another reason", unauthenticated("token_expired"), doubtful},
		{"HTML 401", &Error{Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: ReasonForeignAnswer, status: 401}, doubtful},
		{"JSON 401 of a gateway", &Error{Kind: KindUnauthenticated, Code: connect.CodeUnauthenticated, Reason: "invalid_refresh_token", status: 401}, doubtful},
		{"403", &Error{Kind: KindForbidden, Code: connect.CodePermissionDenied}, misconfigured},
		{"400", &Error{Kind: KindInvalid, Code: connect.CodeInvalidArgument}, misconfigured},
		{"unusable response", invalidResponse("too large"), misconfigured},
		{"404", &Error{Kind: KindInternal, Code: connect.CodeUnimplemented}, misconfigured},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%s: verdict %d, want %d", c.name, got, c.want)
		}
	}
}

func TestWaitsStayWithinTheirBounds(t *testing.T) {
	for n := 1; n <= 100; n++ {
		if d := backoff(n); d <= 0 || d > min(maxBackoff, firstBackoff<<min(n-1, 10)) {
			t.Fatalf("backoff(%d) = %v", n, d)
		}
		if d := cooldownFor(n, &Error{}); d < cooldownBase || d > maxCooldown {
			t.Fatalf("cooldown(%d) = %v", n, d)
		}
	}
	if d := cooldownFor(1, &Error{}); d > 10*time.Second {
		t.Errorf("the first cooldown is %v, want at most 10 s", d)
	}
	if d := cooldownFor(1, &Error{RetryAfter: time.Hour}); d != maxCooldown {
		t.Errorf("cooldown with Retry-After of an hour is %v", d)
	}
}
