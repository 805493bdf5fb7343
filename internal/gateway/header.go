package gateway

import (
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
)

// sentFields are the fields of a request that are forwarded. The upstream gets our
// credential, and nothing else that says who asks.
var sentFields = []string{"Accept", "Cache-Control", "Content-Type", "If-None-Match", "Last-Event-Id", "Range"}

// withheld are the fields of public requests that are not: what belongs to one
// connection, and cookies, which are ours.
var withheld = []string{
	"Connection", "Cookie", "Expect", "Forwarded", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "X-Request-Id",
}

// credentials are those of this server. Routes of providers keep them: what stands there
// is theirs.
var credentials = []string{"Authorization", "X-Open-Wearables-Api-Key"}

// receivedFields are the fields of an answer that come down. The rest is said by this
// server: who may read it, from which origin, and how long it may be kept.
var receivedFields = []string{
	"Accept-Ranges", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type", "Etag",
	"Last-Modified", "Retry-After",
}

// publicFields come down besides from what anybody may read.
var publicFields = []string{"Cache-Control", "Expires", "Location", "Vary", "Www-Authenticate"}

// rewrite makes the request that is sent to the upstream: at the path of the match, with
// the query as it came.
func rewrite(r *httputil.ProxyRequest) {
	p := passageFrom(r.In.Context())
	header := make(http.Header, len(sentFields)+2)
	if p.Route.Class == Public {
		header = r.Out.Header.Clone()
		for _, name := range withheld {
			header.Del(name)
		}
		for name := range header {
			if strings.HasPrefix(name, "X-Forwarded-") {
				header.Del(name)
			}
		}
		if !p.Route.proof {
			for _, name := range credentials {
				header.Del(name)
			}
		}
	} else {
		keep(header, r.In.Header, sentFields)
		header.Set("User-Agent", "openwearables-gateway")
	}
	header.Set("X-Request-Id", auth.CallerFrom(r.In.Context()).RequestID)
	r.Out.Header, r.Out.Trailer, r.Out.Host = header, nil, ""
	r.Out.URL.Path, r.Out.URL.RawPath, r.Out.URL.RawQuery = p.Path, "", p.query
}

// keep copies the named fields of one header to another.
func keep(to, from http.Header, names []string) {
	for _, name := range names {
		if values := from[textproto.CanonicalMIMEHeaderKey(name)]; len(values) > 0 {
			to[name] = values
		}
	}
}

// receiveHeader makes the header of the answer what comes down.
func (p *passage) receiveHeader(answer *http.Response, upstream string) {
	header := make(http.Header, len(receivedFields))
	keep(header, answer.Header, receivedFields)
	if p.Route.Class == Public {
		keep(header, answer.Header, publicFields)
		if to := header.Get("Location"); to != "" {
			header.Set("Location", here(to, upstream))
		}
	}
	answer.Header, answer.Trailer = header, nil
}

// here returns an address on the upstream as one on this server. Whoever follows it must
// not need to reach the upstream.
func here(location, upstream string) string {
	rest, there := strings.CutPrefix(location, upstream)
	if there && (rest == "" || rest[0] == '/' || rest[0] == '?' || rest[0] == '#') {
		return "/" + strings.TrimPrefix(rest, "/")
	}
	return location
}
