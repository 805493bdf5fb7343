package openwearables

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

type attemptsContext struct{}

// counting returns the context of a call in which its attempts are counted, if there is
// a log that tells them.
func (c *caller) counting(ctx context.Context) context.Context {
	if !c.counts {
		return ctx
	}
	return context.WithValue(ctx, attemptsContext{}, new(atomic.Int64))
}

// roundTrip makes one attempt. A response that it returns has a header and a body.
func (o *origin) roundTrip(req *http.Request) (*http.Response, error) {
	res, err := o.transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, hide(err, req.Header)
	case res == nil:
		return nil, fmt.Errorf("the transport %T returned neither a response nor an error", o.transport)
	}
	if res.Body == nil {
		res.Body = http.NoBody
	}
	if res.Header == nil {
		res.Header = http.Header{}
	}
	return res, nil
}

// send sends a request and logs its outcome.
func (o *origin) send(req *http.Request) (*http.Response, error) {
	if o.log == nil {
		return o.roundTrip(req)
	}
	ctx, attempt := req.Context(), int64(1)
	if n, ok := ctx.Value(attemptsContext{}).(*atomic.Int64); ok {
		attempt = n.Add(1)
	}
	begin := time.Now()
	res, err := o.roundTrip(req)
	attrs := []slog.Attr{
		slog.String("method", strings.TrimPrefix(strings.TrimPrefix(req.URL.Path, o.path), "/")), slog.Int64("attempt", attempt),
		slog.Duration("duration", time.Since(begin)),
	}
	if err != nil {
		attrs = append(attrs, slog.String("error", clean(err.Error(), maxText)))
	} else {
		attrs = append(attrs, slog.Int("status", res.StatusCode), slog.String("request_id", clean(res.Header.Get("X-Request-Id"), maxName)))
	}
	o.log.LogAttrs(ctx, slog.LevelDebug, "openwearables: attempt", attrs...)
	return res, err
}
