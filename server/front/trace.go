package front

import (
	"net/http"
	"strings"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/tracing"
	"github.com/openwearables/openwearables/internal/usage"
	"github.com/openwearables/openwearables/server/call"
)

// clientFamilies are the kinds of software that a span tells apart. A User-Agent may
// hold anything, also of a person.
var clientFamilies = map[string]bool{
	"openwearables-go": true, "openwearables-ts": true, "openwearables-swift": true,
	"Edge": true, "Opera": true, "Samsung": true, "Firefox": true, "Chrome": true, "Safari": true, "Mozilla": true,
	"curl": true, "okhttp": true, "Go-http-client": true, "python-requests": true, "node": true, "axios": true, "PostmanRuntime": true,
	usage.Unknown: true,
}

// credentialKinds name what a request has proved, in spans.
var credentialKinds = map[auth.CredentialKind]string{
	auth.DeveloperToken: "developer_token", auth.APIKey: "api_key", auth.UserToken: "user_token", auth.AppSecret: "app_secret",
}

// isProbe reports whether the path is asked by supervisors each few seconds, which is
// not worth a trace.
func isProbe(path string) bool { return path == "/livez" || path == "/readyz" }

// traced ends the span of the request. It returns the id of its trace, "" if that is
// not recorded.
func (f *Front) traced(c *call.Call, r *http.Request) string {
	if !f.tracer.Traces(r.Context()) {
		return ""
	}
	_, route, found := strings.Cut(r.Pattern, " ")
	if !found || c.Counted == 0 {
		route = ""
	}
	family, _, _ := strings.Cut(usage.ClientName(c.Client), "/")
	if !clientFamilies[family] {
		family = usage.Other
	}
	reason := ""
	if c.Failure != nil {
		reason = c.Failure.Reason
	}
	return f.tracer.Answered(r.Context(), tracing.Answer{
		Operation: named(c.Operation), Method: r.Method, Route: route, Status: c.Outcome(), Reason: reason,
		Credential: credentialKinds[c.Holder().Kind], Client: family, HTTP2: r.ProtoMajor == 2, TLS: r.TLS != nil,
	})
}
