package openwearables_test

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"testing"
	"time"

	openwearables "github.com/openwearables/openwearables/clients/go"
	"github.com/openwearables/openwearables/clients/go/internal/faultproxy"
)

var errLeft = errors.New("the person left")

// A call that is canceled, or whose time is up, says so wherever it waits: for the
// server, for a token or for the next attempt.
func TestEndedContextsAreTold(t *testing.T) {
	limited := faultproxy.Rule{Fault: faultproxy.Answer, Status: 429, Code: "resource_exhausted", Reason: "rate_limited", Headers: map[string]string{"Retry-After": "9"}}
	for name, c := range map[string]struct {
		rule     faultproxy.Rule
		method   string
		deadline bool
	}{
		"canceled, at the server":     {faultproxy.Rule{Fault: faultproxy.Hang}, "GetUser", false},
		"canceled, for a token":       {faultproxy.Rule{Fault: faultproxy.Hang}, "RefreshToken", false},
		"canceled, before a retry":    {limited, "GetUser", false},
		"canceled, in a pause":        {limited, "RefreshToken", false},
		"out of time, at the server":  {faultproxy.Rule{Fault: faultproxy.Hang}, "GetUser", true},
		"out of time, for a token":    {faultproxy.Rule{Fault: faultproxy.Hang}, "RefreshToken", true},
		"out of time, by the server":  {faultproxy.Rule{Fault: faultproxy.Answer, Status: 504, Code: "deadline_exceeded"}, "GetUser", true},
		"canceled, said by a gateway": {faultproxy.Rule{Fault: faultproxy.Answer, Status: 499, Code: "canceled"}, "GetUser", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, base := newProxy(t)
			p := newPerson(t)
			s := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)))
			c.rule.Method = c.method
			proxy.Rules(c.rule)
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			want, kind := context.Canceled, openwearables.KindCanceled
			if c.deadline {
				want, kind = context.DeadlineExceeded, openwearables.KindTimeout
				var stop context.CancelFunc
				ctx, stop = context.WithTimeout(ctx, 500*time.Millisecond)
				defer stop()
			} else {
				time.AfterFunc(500*time.Millisecond, func() { cancel(errLeft) })
			}
			_, err := s.Users.Get(ctx, p.id)
			if !errors.Is(err, want) || openwearables.KindOf(err) != kind {
				t.Errorf("%v (%s), want %v", err, openwearables.KindOf(err), want)
			}
			if told := errors.Is(err, errLeft); !c.deadline && c.rule.Status != 499 && !told {
				t.Errorf("%v does not tell the cause", err)
			}
		})
	}
}

// A call does not wait for a Retry-After beyond its deadline, also when it is a refresh
// that the server asks to wait.
func TestRetryAfterBeyondTheDeadlineFailsAtOnce(t *testing.T) {
	answer := func(method, after string) faultproxy.Rule {
		return faultproxy.Rule{Method: method, Fault: faultproxy.Answer, Status: 503, Code: "unavailable", Reason: "unavailable", Headers: map[string]string{"Retry-After": after}}
	}
	p := newPerson(t)
	for name, c := range map[string]struct {
		rule        faultproxy.Rule
		timeout     time.Duration // 0: none
		least, most time.Duration
	}{
		"call":                         {answer("GetUser", "20"), 10 * time.Second, 19 * time.Second, 20 * time.Second},
		"refresh":                      {answer("RefreshToken", "20"), 10 * time.Second, 19 * time.Second, 20 * time.Second},
		"refresh, beyond its own":      {answer("RefreshToken", "3600"), 0, 3590 * time.Second, time.Hour},
		"call without a deadline":      {answer("GetUser", "3600"), 0, time.Hour, time.Hour},
		"longer than a number":         {answer("GetUser", "9"+strconv.FormatInt(math.MaxInt64, 10)), 0, time.Hour, math.MaxInt64},
		"date of the year 9999":        {answer("GetUser", "Fri, 31 Dec 9999 23:59:59 GMT"), 0, time.Hour, math.MaxInt64},
		"refresh until the year 9999":  {answer("RefreshToken", "Fri, 31 Dec 9999 23:59:59 GMT"), 0, time.Hour, math.MaxInt64},
		"infinite timeout":             {answer("GetUser", "3600"), math.MaxInt64, time.Hour, time.Hour},
		"refresh and infinite timeout": {answer("RefreshToken", "3600"), math.MaxInt64, 3590 * time.Second, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			proxy, base := newProxy(t)
			s := newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, expired)), openwearables.WithTimeout(c.timeout))
			if c.rule.Method == "GetUser" { // not the refresh
				s = newClient(t, base, openwearables.WithStore(seeded(t, base, p.pair, fresh)), openwearables.WithTimeout(c.timeout))
			}
			proxy.Rules(c.rule)
			began := time.Now()
			_, err := s.Users.Get(t.Context(), p.id)
			if took := time.Since(began); took > 5*time.Second || !openwearables.IsUnavailable(err) {
				t.Errorf("%v after %v", err, took)
			}
			wantLeft(t, err, c.least, c.most)
		})
	}
}

// Times that no calendar holds neither wrap around nor last for ever.
func TestHugeTimesAreBounded(t *testing.T) {
	var pair openwearables.TokenPair
	if err := pair.UnmarshalJSON([]byte(`{"access_token":"a","expires_in":` + strconv.Itoa(math.MaxInt64) + `}`)); err != nil || pair.ExpiresIn < 24*time.Hour {
		t.Fatalf("expires in %v, %v", pair.ExpiresIn, err)
	}
	for _, ttl := range []time.Duration{pair.ExpiresIn, math.MaxInt64} {
		pair.ExpiresIn = ttl
		s := newClient(t, world.url, openwearables.WithStore(openwearables.MemoryStore()))
		check(t, s.SignIn(t.Context(), pair))
		if _, end, err := s.Token(t.Context()); err != nil || time.Until(end) < 24*time.Hour || end.Year() > 9999 {
			t.Errorf("a token that lasts %v ends at %v, %v", ttl, end, err)
		}
	}
	h := newHostile(t, respond(http.StatusServiceUnavailable, []byte(`{"code":"unavailable"}`), "Content-Type", "application/json",
		"X-Ratelimit-Remaining", "0", "X-Ratelimit-Limit", "1", "X-Ratelimit-Reset", strconv.Itoa(math.MaxInt64), "Date", "Fri, 31 Dec 9999 23:59:59 GMT"))
	ctx, info := openwearables.WithResponseInfo(t.Context())
	_, err := newClient(t, h.URL, openwearables.WithAPIKey("ow_live_x")).Users.Get(ctx, "u")
	wantLeft(t, err, time.Hour, math.MaxInt64)
	if _, err := info.RateLimit.Reset.MarshalText(); err != nil {
		t.Errorf("the reset has no text: %v", err)
	}
	key, err := world.dev.Keys.Create(t.Context(), nil)
	check(t, err)
	for _, overlap := range []time.Duration{math.MaxInt64, math.MinInt64, -time.Millisecond, 1 << 32 * time.Second} {
		_, err := world.dev.Keys.Rotate(t.Context(), key.Key.GetId(), overlap)
		var e *openwearables.Error
		if !errors.As(err, &e) || !openwearables.IsInvalid(err) || len(e.Fields) != 1 || e.Fields[0].Field != "overlap_seconds" {
			t.Errorf("overlap of %v: %v", overlap, err)
		}
	}
}
