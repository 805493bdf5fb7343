package openwearables

import (
	"context"
	"net/http"
	"slices"
	"strings"
)

type headerContext struct{}

// WithHeader returns a context whose calls also send this header. Given twice with one name, the later value is sent. The
// headers of the protocol and of credentials are the client's: calls that set one fail with
// KindInvalid.
//
// A renewal of the session belongs to no call and has no such header. A header that every
// request needs is set by a transport: see WithTransport.
func WithHeader(ctx context.Context, name, value string) context.Context {
	header := http.Header{}
	if before, ok := ctx.Value(headerContext{}).(http.Header); ok {
		header = before.Clone()
	}
	header.Set(name, value)
	return context.WithValue(ctx, headerContext{}, header)
}

// reservedHeaders is what the client, connect-go or net/http sets.
var reservedHeaders = []string{
	"Authorization", "X-Open-Wearables-Api-Key", "Cookie", "Host", "User-Agent", "Idempotency-Key", "Accept-Encoding",
	"Connection", "Keep-Alive", "Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// addHeaders adds the headers of the context to those of a request.
func addHeaders(ctx context.Context, to http.Header) error {
	header, ok := ctx.Value(headerContext{}).(http.Header)
	if !ok {
		return nil
	}
	for name, values := range header {
		switch {
		case name == "" || strings.ContainsFunc(name, notInHeaderName):
			return invalidField("WithHeader", "the name of a header is letters, digits and hyphens")
		case slices.Contains(reservedHeaders, name), strings.HasPrefix(name, "Content-"), strings.HasPrefix(name, "Connect-"), strings.HasPrefix(name, "Grpc-"):
			return invalidField("WithHeader", "the client sets "+name+" itself")
		case strings.ContainsFunc(values[0], func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			return invalidField("WithHeader", "the value of "+name+" has a control character")
		}
		to[name] = values
	}
	return nil
}

func notInHeaderName(r rune) bool {
	return r != '-' && r != '_' && !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9')
}
