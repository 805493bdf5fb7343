package call

import (
	"mime"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// Names of the cookies: of the refresh token, and of the device token, which is no
// credential and outlasts the session. Their prefix makes browsers require Secure,
// Path=/ and no Domain.
const (
	cookieName       = "__Host-ow_refresh"
	deviceCookieName = "__Host-ow_device"
)

// RefreshToken returns the refresh token of the request: the one in the body,
// which wins, or the one in the cookie. The cookie counts only if no page of
// another site can have sent the request; else RefreshToken returns a 403, a 422
// if there is no token at all, and a 400 if there are two cookies, also beside a
// body.
func (c *Call) RefreshToken(body *string) (token string, fromCookie bool, err error) {
	if c.refreshCookies() > 1 {
		return "", false, auth.ErrMultipleCredentials()
	}
	if body != nil {
		return *body, false, nil
	}
	cookie, err := c.Request.Cookie(cookieName)
	if err != nil {
		return "", false, problem.InvalidError(problem.FieldError{Field: "refresh_token", Message: "is required"})
	}
	if !isStructured(c.Request.Header.Get("Content-Type")) {
		return "", true, errCrossOrigin()
	}
	return cookie.Value, true, c.SameSite()
}

// AsksNobody reports whether a request that says to use the cookie has none, and no
// token in its body: nobody is signed in.
func (c *Call) AsksNobody(body *string, useCookie bool) bool {
	return useCookie && body == nil && c.refreshCookies() == 0
}

// refreshCookies returns the number of refresh cookies in the request, those with
// an invalid value too. No browser sends two, since it keeps one of a name with
// the prefix __Host-.
func (c *Call) refreshCookies() int {
	n := 0
	for _, header := range c.Request.Header["Cookie"] {
		for pair := range strings.SplitSeq(header, ";") {
			if name, _, _ := strings.Cut(pair, "="); textproto.TrimString(name) == cookieName {
				n++
			}
		}
	}
	return n
}

// KnownBy returns what may make the browser known to an account at its login: the
// values of the device and the refresh cookie. Each is "" if the request has not
// just one of it, or was sent by a page of another site.
func (c *Call) KnownBy() (device, refresh string) {
	if c.SameSite() != nil {
		return "", ""
	}
	return c.onlyCookie(deviceCookieName), c.onlyCookie(cookieName)
}

func (c *Call) onlyCookie(name string) string {
	if all := c.Request.CookiesNamed(name); len(all) == 1 {
		return all[0].Value
	}
	return ""
}

// SameSite returns a 403 if a page of another site sent the request.
func (c *Call) SameSite() error {
	if c.CheckOrigin(c.Request) != nil {
		return errCrossOrigin()
	}
	return nil
}

func errCrossOrigin() *problem.Error {
	return &problem.Error{
		Kind: problem.Forbidden, Reason: "cross_origin",
		Detail: "The refresh cookie is for pages of allowed origins only",
	}
}

// isStructured reports whether no HTML form can send the content type.
func isStructured(contentType string) bool {
	media, _, err := mime.ParseMediaType(contentType)
	switch media {
	case "application/json", "application/proto",
		"application/grpc", "application/grpc+proto", "application/grpc+json",
		"application/grpc-web", "application/grpc-web+proto", "application/grpc-web+json":
		return err == nil
	}
	return false
}

// DeliverRefreshToken returns the grant's refresh token as a member of the
// answer's body. With byCookie it sets the cookie instead, out of reach of the
// browser's scripts, and returns nil. With a grant that has a device token it sets
// that cookie too.
func (c *Call) DeliverRefreshToken(g auth.Grant, byCookie bool) *string {
	if !byCookie {
		return &g.RefreshToken
	}
	c.setCookie(cookieName, g.RefreshToken, c.maxAge(g.RefreshExpiresAt))
	if g.Device != "" {
		c.setCookie(deviceCookieName, g.Device, c.maxAge(g.DeviceExpiresAt))
	}
	return nil
}

// maxAge returns the seconds until then, at least 1.
func (c *Call) maxAge(then time.Time) int { return max(1, int(then.Sub(c.Now())/time.Second)) }

// ClearRefreshCookie removes the refresh cookie from the browser, if the request
// carries it. The device cookie stays.
func (c *Call) ClearRefreshCookie() {
	if _, err := c.Request.Cookie(cookieName); err == nil {
		c.setCookie(cookieName, "", -1)
	}
}

func (c *Call) setCookie(name, value string, maxAge int) {
	http.SetCookie(c, &http.Cookie{
		Name: name, Value: value, Path: "/", MaxAge: maxAge,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}
