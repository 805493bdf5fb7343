package scenario_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// addHeader adds a value to a header that the request may have already.
func addHeader(name, value string) option {
	return func(r *http.Request) { r.Header.Add(name, value) }
}

// TestTwoRefreshCookiesAreRefused sends two refresh cookies in one header and in two. The request is
// refused like one with two credentials, and ends or renews neither session.
func TestTwoRefreshCookiesAreRefused(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		login := args{"email": n.email, "password": n.password, "use_cookie": true}
		mine := setCookie(t, d.call(t, "Login", login).want(t, 200, "")).Value
		other := setCookie(t, d.call(t, "Login", login).want(t, 200, "")).Value
		name := refreshCookie + "="
		for what, o := range map[string][]option{
			"one header":             {header("Cookie", name+mine+"; "+name+other)},
			"the same twice":         {header("Cookie", name+mine+"; theme=dark; "+name+mine)},
			"without a space":        {header("Cookie", name+mine+";"+name+other)},
			"two headers":            {header("Cookie", name+mine), addHeader("Cookie", name+other)},
			"one of them empty":      {header("Cookie", name+mine+"; "+name)},
			"one without a value":    {header("Cookie", refreshCookie+"; "+name+mine)},
			"one of them malformed":  {header("Cookie", name+mine+"; "+name+`a"b\`)},
			"another in the message": {header("Cookie", name+mine+"; "+name+other)},
		} {
			for _, operation := range []string{"RefreshToken", "RevokeToken"} {
				in := args{}
				if what == "another in the message" {
					in["refresh_token"] = mine
				}
				a := d.call(t, operation, in, o...)
				if a.Status != 400 || a.Reason != "multiple_credentials" {
					t.Errorf("%s with two cookies, %s, is answered %d %q", operation, what, a.Status, a.Reason)
				}
				wantCookieUnchanged(t, a)
			}
		}
		for _, token := range []string{mine, other} {
			d.call(t, "RefreshToken", args{}, cookie(token)).want(t, 200, "")
		}
	}, unlimited)
}

// TestTwoIdempotencyKeysAreRefused sends the header twice to every operation that takes one.
func TestTwoIdempotencyKeysAreRefused(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		w := newIdempotencyFixture(t, n, d)
		_, refresh := n.login(t, d)
		calls := w.calls(t)
		calls = append(calls, idempotentCall{operation: "RefreshToken", in: args{"refresh_token": refresh}})
		for _, c := range calls {
			for what, second := range map[string]string{"another": "b", "the same": "a", "empty": ""} {
				effects := 0
				if c.effects != nil {
					effects = c.effects()
				}
				a := d.call(t, c.operation, c.in, append(slices.Clone(c.caller), idempotent("a"), addHeader("Idempotency-Key", second))...)
				if a.Status != 422 || a.Reason != "invalid_request" || strings.Join(a.Fields, " ") != "Idempotency-Key" {
					t.Errorf("%s with two keys, %s, is answered %d %q %v", c.operation, what, a.Status, a.Reason, a.Fields)
				}
				if c.effects != nil && c.effects() != effects {
					t.Errorf("%s with two keys, %s, took effect", c.operation, what)
				}
			}
		}
		d.call(t, "RefreshToken", args{"refresh_token": refresh}, idempotent("a")).want(t, 200, "")
	}, unlimited)
}
