package scenario_test

import (
	"bytes"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// contractTransport fails the test on any answer that openapi.yaml does not declare, or that lacks
// a header which every answer must carry.
type contractTransport struct {
	t    *testing.T
	next http.RoundTripper
}

var router = sync.OnceValue(func() routers.Router {
	doc := *spec()
	r, err := gorillamux.NewRouter(&doc)
	if err != nil {
		panic(err)
	}
	return r
})

func (c contractTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	c.checkHeader(r, res)
	c.checkRefusal(r, res, body)
	if strings.HasPrefix(r.URL.Path, "/api/v1/") {
		c.checkContract(r, res, body)
	}
	return res, nil
}

// checkHeader checks the headers that every answer carries, on every surface.
func (c contractTransport) checkHeader(r *http.Request, res *http.Response) {
	fail := func(format string, a ...any) {
		c.t.Errorf("%s %s answered %d: "+format, append([]any{r.Method, r.URL.Path, res.StatusCode}, a...)...)
	}
	h := res.Header
	for _, name := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
		if n, err := strconv.ParseInt(h.Get(name), 10, 64); err != nil || n < 0 {
			fail("%s is %q", name, h.Get(name))
		}
	}
	if h.Get("X-Request-Id") == "" {
		fail("no X-Request-Id")
	}
	if cc := h.Get("Cache-Control"); cc != "no-store" && !strings.HasPrefix(r.URL.Path, "/docs") && !isOfDashboard(r, res) &&
		r.URL.Path != "/openapi.yaml" && !strings.HasPrefix(r.URL.Path, "/.well-known/") {
		fail("Cache-Control is %q", cc)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" {
		fail("security headers are missing")
	}
	if (res.StatusCode == 429 || res.StatusCode == 503) && h.Get("Retry-After") == "" {
		fail("no Retry-After")
	}
	if res.StatusCode == 401 && !strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer") {
		fail("WWW-Authenticate is %q", h.Get("WWW-Authenticate"))
	}
	if res.StatusCode >= 300 && res.StatusCode < 400 {
		fail("a redirect to %q", h.Get("Location"))
	}
}

func init() { openapi3filter.RegisterBodyDecoder("application/jsonl", openapi3filter.PlainBodyDecoder) }

var alias = regexp.MustCompile(`^/api/v1/(token/(refresh|revoke)|developer/)`)

// existing matches the paths that only clients of the existing product call, which openapi.yaml does
// not describe.
var existing = regexp.MustCompile(`^/api/v1/(sdk/|config$|mcp-clients/touch$|users/[^/]+/connections/[^/]+$)`)

// checkContract checks the answer against its declaration in openapi.yaml.
func (c contractTransport) checkContract(r *http.Request, res *http.Response, body []byte) {
	probe := r.Clone(r.Context())
	if m := alias.FindStringSubmatch(r.URL.Path); m != nil {
		for _, p := range []*string{&probe.URL.Path, &probe.URL.RawPath} {
			*p = strings.Replace(strings.Replace(*p, "/developer/", "/", 1), "/token/"+m[2], "/auth/"+m[2], 1)
		}
	}
	probe.URL.Scheme, probe.URL.Host, probe.Host = "", "", ""
	route, params, err := router().FindRoute(probe)
	if err != nil {
		if res.StatusCode < 400 && !existing.MatchString(r.URL.Path) {
			c.t.Errorf("%s %s is not in openapi.yaml and answered %d", r.Method, r.URL.Path, res.StatusCode)
		}
		return
	}
	err = openapi3filter.ValidateResponse(r.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: probe, PathParams: params, Route: route},
		Status:                 res.StatusCode,
		Header:                 res.Header,
		Body:                   io.NopCloser(bytes.NewReader(body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	})
	if err != nil {
		c.t.Errorf("%s %s answered what openapi.yaml does not declare: %v", r.Method, r.URL.Path, err)
	}
}
