package front

import (
	"net/http"

	"github.com/openwearables/openwearables/server/rest"
)

// maxPhoneBody is the largest upload of a phone, in bytes. It is read as it arrives.
const maxPhoneBody = 64 << 20

// phonePaths are the paths of uploads, and the provider of those that name none. Apps in
// the stores have them.
var phonePaths = []struct{ path, provider string }{
	{"sync", ""}, {"sync/{$}", ""}, {"sync/apple", "apple"}, {"sync/apple/healthion", "apple"}, {"sync/samsung", "samsung"},
}

// registerPhones serves what apps with the mobile SDKs of the existing product call. They
// take most refusals for the end of their data, and sign out at a 401: so that is looked
// at first, and everything that passes is a 503, under all of the prefix. Where there is
// an upstream, it takes the uploads.
func (f *Front) registerPhones(s *rest.Server) {
	if f.forwarding != nil {
		return
	}
	for _, p := range phonePaths {
		f.handle("POST "+phonePrefix+"users/{user_id}/"+p.path, f.phone("SyncPhone", maxPhoneBody, s.SyncPhone(p.provider)))
	}
	f.handle("POST "+phonePrefix+"users/{user_id}/logs", f.phone("ReceivePhoneLogs", maxBody, s.ReceivePhoneLogs))
	f.handle(phonePrefix, f.noPhone())
}

// phone serves an operation of phones.
func (f *Front) phone(name string, limit int64, next http.HandlerFunc) http.Handler {
	o := operation{name: name, proof: inHeader, limit: limit, streams: limit > maxBody, own: ingestLimit}
	return f.pipeline(o, rest.FailPhone, readPhone, next)
}

// noPhone serves the paths of phones at which nothing is.
func (f *Front) noPhone() http.Handler { return f.phone("", maxBody, rest.RefusePhone) }

// registerExisting serves what other clients of the existing product call beside the
// operations of openapi.yaml.
func (f *Front) registerExisting(s *rest.Server) {
	for _, e := range []struct {
		pattern, name string
		next          http.HandlerFunc
	}{
		{"GET /api/v1/config", "GetConfig", s.GetConfig},
		{"POST /api/v1/mcp-clients/touch", "TouchMCPClient", s.TouchMCPClient},
		{"DELETE /api/v1/users/{user_id}/connections/{provider}", "DisconnectProvider", s.DisconnectProvider},
	} {
		if f.forwarding.takes(e.pattern) {
			continue
		}
		f.handle(e.pattern, f.pipeline(operation{name: e.name, proof: inHeader}, rest.Fail, readNone, e.next))
	}
}

// phonePrefix begins the paths of phones.
const phonePrefix = "/api/v1/sdk/"

// readPhone is the bodyReader of uploads, which their handlers read.
func readPhone(o *operation, r *http.Request) error {
	switch {
	case isCompressed(r.Header.Get("Content-Encoding")):
		return errCompressed()
	case r.ContentLength > o.maxBody():
		return errTooLarge()
	case !o.streams:
		r.Body = http.NoBody
	default:
		r.Body = http.MaxBytesReader(nil, r.Body, o.maxBody())
	}
	return nil
}
