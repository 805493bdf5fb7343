package scenario_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/server"
)

const (
	refreshCookie = "__Host-ow_refresh"
	allowedOrigin = "https://app.example.com" // the origin that the tests allow
)

func allowOrigins(origins ...string) func(*server.Config) {
	return func(c *server.Config) { c.AllowedOrigins = origins }
}

// cookie sends a refresh token as a browser does, next to another cookie.
func cookie(token string) option { return header("Cookie", "theme=dark; "+refreshCookie+"="+token) }

// setCookie returns the refresh cookie that the answer sets, or nil. The answer may set the device
// cookie too.
func setCookie(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	set := slices.DeleteFunc((&http.Response{Header: a.Header}).Cookies(), func(c *http.Cookie) bool { return c.Name == deviceCookie })
	if len(set) == 0 {
		return nil
	}
	if len(set) > 1 || set[0].Name != refreshCookie {
		t.Fatalf("the answer sets %v", a.Header["Set-Cookie"])
	}
	return set[0]
}

// wantCookiePair returns the tokens of a pair. It fails the test unless only the cookie contains
// the refresh token.
func wantCookiePair(t *testing.T, a answer, lifetime time.Duration) (access, refresh string) {
	t.Helper()
	a.want(t, 200, "")
	c := setCookie(t, a)
	if c == nil {
		t.Fatal("the answer sets no cookie")
	}
	if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" ||
		c.MaxAge != int(lifetime/time.Second) || len(c.Raw) >= 4096 || !strings.HasPrefix(c.Value, "rt_") {
		t.Errorf("the cookie is %q, want one for %v", c.Raw, lifetime)
	}
	if pair := a.Body.(map[string]any); len(pair) != 3 || strings.Contains(string(encode(t, pair)), c.Value) {
		t.Errorf("the body is %v, want a pair without the refresh token", pair)
	}
	return a.str("access_token"), c.Value
}

// wantCookieUnchanged fails the test if the answer sets or clears the cookie.
func wantCookieUnchanged(t *testing.T, a answer) {
	t.Helper()
	if set := a.Header["Set-Cookie"]; len(set) > 0 {
		t.Errorf("an answer %d %s sets the cookie: %q", a.Status, a.Reason, set)
	}
}

// wantCookieCleared fails the test unless the answer clears the cookie.
func wantCookieCleared(t *testing.T, a answer) {
	t.Helper()
	if c := setCookie(t, a); c == nil || c.Value != "" || c.MaxAge >= 0 || !c.Secure || !c.HttpOnly || c.Path != "/" {
		t.Errorf("an answer %d does not clear the cookie: %q", a.Status, a.Header["Set-Cookie"])
	}
}

// TestCookieModeKeepsTheRefreshTokenFromScripts checks that no body contains the refresh token,
// from login to logout.
func TestCookieModeKeepsTheRefreshTokenFromScripts(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		login := args{"email": n.email, "password": n.password, "use_cookie": true}
		refresh := func(in args, o ...option) answer { return d.call(t, "RefreshToken", in, o...) }
		c := &clientSession{d: d}
		keep := func(access, refresh string) {
			c.access, c.refresh = append(c.access, access), append(c.refresh, refresh)
		}
		keep(wantCookiePair(t, d.call(t, "Login", login), 30*day))
		keep(wantCookiePair(t, refresh(args{}, cookie(c.current()), idempotent("mine")), 30*day))
		// A refusal leaves the cookie unchanged: another tab may have renewed it.
		clock.advance(5 * time.Second)
		wantCookieUnchanged(t, refresh(args{}, cookie(c.parent())).want(t, 401, "refresh_token_used"))
		wantCookieUnchanged(t, refresh(args{}, cookie("garbage")).want(t, 401, "invalid_refresh_token"))
		wantCookieUnchanged(t, refresh(args{}, cookie("")).want(t, 401, "invalid_refresh_token"))
		wantCookieUnchanged(t, refresh(args{}, cookie(c.current()), idempotent("two words")).want(t, 422, "invalid_request"))
		wantCookieUnchanged(t, refresh(args{}, header("Cookie", "theme=dark")).want(t, 422, "invalid_request"))
		c.wantAccepted(t)

		access, again := wantCookiePair(t, refresh(args{}, cookie(c.parent()), idempotent("mine")), 30*day-5*time.Second) // a replay
		if again != c.current() {
			t.Error("a replay in cookie mode has another successor")
		}
		c.use(t, access).want(t, 200, "")

		// A token in the body takes precedence, and then the answer carries the new one in the
		// body.
		body := &clientSession{d: d}
		body.record(d.call(t, "Login", args{"email": n.email, "password": n.password, "use_cookie": false}).want(t, 200, ""))
		a := refresh(args{"refresh_token": body.current()}, cookie(c.current())).want(t, 200, "")
		wantCookieUnchanged(t, a)
		body.record(a)
		if body.current() == "" {
			t.Error("a refresh token from the body is not answered in the body")
		}
		wantCookieUnchanged(t, refresh(args{"refresh_token": ""}, cookie(c.current())).want(t, 401, "invalid_refresh_token"))
		wantCookieUnchanged(t, refresh(args{"refresh_token": body.parent()}, cookie(c.current())).want(t, 401, "refresh_token_used"))
		keep(wantCookiePair(t, refresh(args{}, cookie(c.current())), 30*day)) // the cookie's token is still current

		a = d.call(t, "RevokeToken", args{"refresh_token": body.current()}, cookie(c.current())).want(t, 204, "")
		wantCookieUnchanged(t, a) // the cookie belongs to another session
		body.wantEnded(t)
		c.wantAccepted(t)
		wantCookieCleared(t, d.call(t, "RevokeToken", args{}, cookie(c.current())).want(t, 204, ""))
		c.wantEnded(t)
		wantCookieCleared(t, d.call(t, "RevokeToken", args{}, cookie(c.current())).want(t, 204, "")) // already revoked

		c = &clientSession{d: d}
		keep(wantCookiePair(t, d.call(t, "Login", login), 30*day))
		wantCookieUnchanged(t, d.call(t, "Logout", nil, cookie(c.current())).want(t, 401, "missing_credential"))
		wantCookieCleared(t, d.call(t, "Logout", nil, bearer(c.access[0]), cookie(c.current())).want(t, 200, ""))
		c.wantEnded(t)

		clock.advance(30 * day)
		c = &clientSession{d: d}
		keep(wantCookiePair(t, d.call(t, "Login", login), 30*day))
		a = refresh(args{}, cookie(c.current())).want(t, 200, "")
		clock.advance(11 * time.Second)
		wantCookieUnchanged(t, refresh(args{}, cookie(c.current())).want(t, 401, "refresh_token_reused"))
		wantCookieUnchanged(t, refresh(args{}, cookie(setCookie(t, a).Value)).want(t, 401, "invalid_refresh_token"))
	}, unlimited, withManualClock(&clock))
}

// TestRefreshTellsThatNobodyIsSignedIn checks that a page which cannot see its cookie is told
// without an error that there is none.
func TestRefreshTellsThatNobodyIsSignedIn(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		ask := args{"use_cookie": true}
		for _, o := range []option{header("Cookie", "theme=dark"), fromPage(allowedOrigin, "same-site"), idempotent("mine")} {
			a := d.call(t, "RefreshToken", ask, o)
			if a.Status/100 != 2 || a.str("access_token") != "" {
				t.Errorf("without a cookie: %d %s %v, want an empty answer", a.Status, a.Reason, a.Body)
			}
			wantCookieUnchanged(t, a)
		}
		d.call(t, "RefreshToken", args{"use_cookie": false}).want(t, 422, "invalid_request")
		d.call(t, "RefreshToken", ask, cookie("garbage")).want(t, 401, "invalid_refresh_token")
		d.call(t, "RefreshToken", ask, cookie("")).want(t, 401, "invalid_refresh_token")
		d.call(t, "RefreshToken", ask, cookie("a; "+refreshCookie+"=b")).want(t, 400, "multiple_credentials")
		d.call(t, "RefreshToken", args{"refresh_token": "x", "use_cookie": true}).want(t, 401, "invalid_refresh_token")

		c := &clientSession{d: d}
		login := args{"email": n.email, "password": n.password, "use_cookie": true}
		_, token := wantCookiePair(t, d.call(t, "Login", login), 30*day)
		access, _ := wantCookiePair(t, d.call(t, "RefreshToken", ask, cookie(token)), 30*day)
		c.use(t, access).want(t, 200, "")
	}, unlimited, withManualClock(&clock))
}

// fromPage sends what a browser says about the calling page: its origin and its relation to the
// API. An empty string omits the header.
func fromPage(origin, site string) option {
	return func(r *http.Request) {
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if site != "" {
			r.Header.Set("Sec-Fetch-Site", site)
			r.Header.Set("Sec-Fetch-Mode", "cors")
			r.Header.Set("Sec-Fetch-Dest", "empty")
		}
	}
}

// pages returns requests by whether the calling page may use the cookie, on a node that allows
// allowedOrigin.
func (n *node) pages() map[bool][]option {
	return map[bool][]option{
		true: {
			fromPage("", ""), // not a browser
			fromPage("", "same-origin"), fromPage(n.url, "same-origin"), fromPage(n.url, ""), fromPage("", "none"),
			fromPage(allowedOrigin, "cross-site"), fromPage(allowedOrigin, "same-site"), fromPage(allowedOrigin, ""),
		},
		false: {
			fromPage("https://evil.example", "cross-site"), fromPage("https://evil.example", ""), fromPage("", "cross-site"),
			fromPage("null", "cross-site"), fromPage("null", ""), fromPage("null", "same-site"),
			fromPage("https://other.example.com", "same-site"), fromPage("", "same-site"), fromPage(allowedOrigin+":8443", "same-site"),
			fromPage("http://app.example.com", "cross-site"), fromPage(allowedOrigin+".evil.example", "cross-site"),
			fromPage(strings.Replace(n.url, "http:", "https:", 1)+"0", ""), fromPage("https://APP.example.com", "cross-site"),
		},
	}
}

// TestCookieNeedsAnAllowedPage checks that only pages of the API's own and of allowed origins can
// use or set the cookie. A refused request changes nothing.
func TestCookieNeedsAnAllowedPage(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		login := args{"email": n.email, "password": n.password, "use_cookie": true}
		a := d.call(t, "Login", login).want(t, 200, "")
		c := &clientSession{d: d, access: []string{a.str("access_token")}, refresh: []string{setCookie(t, a).Value}}
		pages := n.pages()
		for _, from := range pages[false] {
			for operation, in := range map[string]args{"Login": login, "RefreshToken": {}, "RevokeToken": {}} {
				wantCookieUnchanged(t, d.call(t, operation, in, cookie(c.current()), from).want(t, 403, "cross_origin"))
			}
			// A token in the body needs no allowed page.
			d.call(t, "RefreshToken", args{"refresh_token": "garbage"}, from).want(t, 401, "invalid_refresh_token")
		}
		c.wantAccepted(t)
		for _, from := range pages[true] {
			a := d.call(t, "RefreshToken", args{}, cookie(c.current()), from)
			_, refresh := wantCookiePair(t, a, 30*day)
			c.access, c.refresh = append(c.access, a.str("access_token")), append(c.refresh, refresh)
		}
		c.wantAccepted(t)
		for _, from := range pages[true][4:6] {
			a := d.call(t, "Login", login, from)
			access, refresh := wantCookiePair(t, a, 30*day)
			wantCookieCleared(t, d.call(t, "RevokeToken", args{}, cookie(refresh), from).want(t, 204, ""))
			c.use(t, access).want(t, 401, "invalid_token")
		}
		c.wantAccepted(t)
	}, unlimited, allowOrigins(allowedOrigin), withManualClock(&clock))
}

// TestFormsNeverUseTheCookie checks that no request that a plain form or link can send uses the
// cookie, even from the API's own origin.
func TestFormsNeverUseTheCookie(t *testing.T) {
	t.Parallel()
	var clock *manualClock
	n := start(t, unlimited, allowOrigins(allowedOrigin), withManualClock(&clock))
	login := args{"email": n.email, "password": n.password, "use_cookie": true}
	a := n.drivers()[0].call(t, "Login", login).want(t, 200, "")
	c := &clientSession{d: n.drivers()[0], access: []string{a.str("access_token")}, refresh: []string{setCookie(t, a).Value}}
	const prefix, service = "/api/v1/", "/openwearables.v1.SessionService/"
	for _, path := range []string{prefix + "auth/refresh", prefix + "auth/revoke", prefix + "token/refresh", prefix + "token/revoke"} {
		for _, from := range []option{fromPage(n.url, "same-origin"), fromPage(allowedOrigin, "cross-site"), fromPage("https://evil.example", "cross-site"), fromPage("", "")} {
			for media, body := range map[string]string{
				"application/x-www-form-urlencoded": "refresh_token=", "multipart/form-data; boundary=x": "--x--\r\n",
				"text/plain": "{}", "text/plain; application/json": "{}", "application/json, text/plain": "{}",
			} {
				wantCookieUnchanged(t, n.post(t, path, media, body, cookie(c.current()), from).want(t, 415, "unsupported_media_type"))
				wantCookieUnchanged(t, n.post(t, path, media, "", cookie(c.current()), from).want(t, 415, "unsupported_media_type"))
			}
			wantCookieUnchanged(t, n.post(t, path, "", "", cookie(c.current()), from).want(t, 403, "cross_origin"))
		}
	}
	for _, path := range []string{prefix + "auth/refresh", prefix + "auth/revoke", prefix + "token/refresh", service + "RefreshToken", service + "RevokeToken"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			r, err := http.NewRequestWithContext(t.Context(), method, n.url+path+"?connect=v1&encoding=json&message=%7B%7D", nil)
			if err != nil {
				t.Fatal(err)
			}
			if res, _ := n.send(t, r, cookie(c.current()), fromPage(n.url, "same-origin")); res.StatusCode != 405 || len(res.Cookies()) > 0 {
				t.Errorf("%s %s is answered %d and sets %v", method, path, res.StatusCode, res.Cookies())
			}
		}
	}
	for _, path := range []string{"RefreshToken", "RevokeToken"} {
		for _, media := range []string{"", "text/plain", "application/x-www-form-urlencoded"} {
			r, err := http.NewRequestWithContext(t.Context(), "POST", n.url+service+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if media != "" {
				r.Header.Set("Content-Type", media)
			}
			if res, _ := n.send(t, r, cookie(c.current()), fromPage(n.url, "same-origin")); res.StatusCode != 415 || len(res.Cookies()) > 0 {
				t.Errorf("POST %s as %q is answered %d and sets %v", path, media, res.StatusCode, res.Cookies())
			}
		}
	}
	c.wantAccepted(t)
	wantCookiePair(t, n.post(t, prefix+"token/refresh", "application/json", "", cookie(c.current()), fromPage(n.url, "same-origin")), 30*day)

	form := "username=" + n.email + "&password=" + n.password + "&use_cookie=true"
	const asForm = "application/x-www-form-urlencoded"
	wantCookiePair(t, n.post(t, prefix+"auth/login", asForm, form, fromPage(n.url, "same-origin")), 30*day)
	wantCookieUnchanged(t, n.post(t, prefix+"auth/login", asForm, form, fromPage("https://evil.example", "cross-site")).want(t, 403, "cross_origin"))
	wantCookieUnchanged(t, n.post(t, prefix+"auth/login", asForm, form, fromPage("null", "cross-site")).want(t, 403, "cross_origin"))
}
