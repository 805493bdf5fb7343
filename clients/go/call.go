package openwearables

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
)

const (
	defaultTimeout = 30 * time.Second
	maxRetries     = 2
)

// caller is the interceptor of every call. It sets the deadline and the credential,
// retries what is safe to retry, and turns errors into *Error. Safe for concurrent
// use.
type caller struct {
	rpc       *tokenRPC
	engine    sealed[*engine]  // of a session, or nil
	key       sealed[[]string] // the Authorization of an API key, or nil
	userAgent []string
	timeout   time.Duration
	retries   int
	emitter   *emitter
	counts    bool         // the attempts of a call, for the log
	sunset    atomic.Int64 // unix seconds: the end of the key in the last EventKeyRotated
}

// authorization returns the Authorization header to send, nil for none. refused is
// the header that the server has refused, nil if none.
func (c *caller) authorization(ctx context.Context, refused []string) ([]string, error) {
	engine := c.engine.get()
	if engine == nil {
		return c.key.get(), nil
	}
	token := ""
	if refused != nil {
		token = strings.TrimPrefix(refused[0], "Bearer ")
	}
	s, err := engine.token(ctx, token)
	if err != nil {
		return nil, err
	}
	return s.header, nil
}

// WrapUnary implements connect.Interceptor.
func (c *caller) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if _, ok := ctx.Deadline(); ok || c.timeout <= 0 {
			return c.call(ctx, req, next)
		}
		ctx, cancel := context.WithTimeout(ctx, c.timeout)
		defer cancel()
		return c.call(ctx, req, next)
	}
}

func (c *caller) call(ctx context.Context, req connect.AnyRequest, next connect.UnaryFunc) (connect.AnyResponse, error) {
	if err := checkRequest(req.Any()); err != nil {
		return nil, err
	}
	ctx = c.counting(ctx)
	header := req.Header()
	if err := addHeaders(ctx, header); err != nil {
		return nil, err
	}
	header["User-Agent"] = c.userAgent
	spec := req.Spec()
	var operation *owv1.Operation
	if spec.IdempotencyLevel != connect.IdempotencyNoSideEffects { // spares reads the search
		operation = operationOf(spec.Procedure)
	}
	if operation.GetIdempotencyKey() == owv1.Operation_IDEMPOTENCY_KEY_PER_CALL {
		if err := setRetryKey(ctx, header); err != nil {
			return nil, err
		}
	}
	var sent []string
	if operation.GetProof() != owv1.Operation_PROOF_BODY {
		var err error
		if sent, err = c.authorization(ctx, nil); err != nil {
			return nil, err
		}
		if sent != nil {
			header["Authorization"] = sent
		}
	}
	res, err := next(ctx, req)
	if err == nil {
		c.succeeded(ctx, res)
		return res, nil
	}
	return c.again(ctx, req, next, sent, callError(ctx, err))
}

// again repeats a failed call: once with another token if its token was refused, and
// up to c.retries times after a transient failure if repeating it is safe.
func (c *caller) again(ctx context.Context, req connect.AnyRequest, next connect.UnaryFunc, sent []string, failed *Error) (connect.AnyResponse, error) {
	safe := req.Spec().IdempotencyLevel != connect.IdempotencyUnknown || req.Header().Get("Idempotency-Key") != ""
	replayed := false
	for retries := 0; ; {
		switch {
		case failed.Code == connect.CodeUnauthenticated && sent != nil && c.engine.get() != nil && !replayed:
			replayed = true
			header, err := c.authorization(ctx, sent)
			if err != nil {
				c.observeFailure(ctx, failed)
				return nil, err
			}
			sent = header
			req.Header()["Authorization"] = sent
		case safe && retries < c.retries && retryable(failed):
			retries++
			if waitBefore(ctx, retries, failed) != nil {
				c.observeFailure(ctx, failed)
				if ctx.Err() != nil {
					failed = contextError(ctx)
				}
				return nil, failed
			}
		default:
			c.observeFailure(ctx, failed)
			return nil, failed
		}
		res, err := next(ctx, req)
		if err == nil {
			c.succeeded(ctx, res)
			return res, nil
		}
		failed = callError(ctx, err)
	}
}

// WrapStreamingClient implements connect.Interceptor. The token is attached when the
// stream is opened. A stream that ends with unauthenticated is not reopened; the
// next stream gets a fresh token.
func (c *caller) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		sent, err := c.authorization(ctx, nil)
		conn := next(ctx, spec)
		if err == nil {
			err = addHeaders(ctx, conn.RequestHeader())
		}
		if err != nil {
			return &failedStream{conn, err}
		}
		conn.RequestHeader()["User-Agent"] = c.userAgent
		if sent != nil {
			conn.RequestHeader()["Authorization"] = sent
		}
		return conn
	}
}

// WrapStreamingHandler implements connect.Interceptor.
func (c *caller) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// failedStream is a stream without a token: sending and receiving return why.
type failedStream struct {
	connect.StreamingClientConn
	err error
}

func (s *failedStream) Send(any) error    { return s.err }
func (s *failedStream) Receive(any) error { return s.err }

// operationOf returns what the contract says of a procedure, nil if it says nothing.
func operationOf(procedure string) *owv1.Operation {
	name := strings.ReplaceAll(strings.TrimPrefix(procedure, "/"), "/", ".")
	found, _ := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	method, ok := found.(protoreflect.MethodDescriptor)
	if !ok {
		return nil
	}
	return proto.GetExtension(method.Options(), owv1.E_Operation).(*owv1.Operation)
}

type retryKeyContext struct{}

// WithIdempotencyKey gives the calls made with the context this Idempotency-Key
// (1 to 255 visible ASCII characters) in place of a random one, so that a call
// that creates something or mints a secret can be repeated after a crash. Use one
// key for one call. A call that the contract gives no key ignores it.
func WithIdempotencyKey(ctx context.Context, key string) context.Context {
	return context.WithValue(ctx, retryKeyContext{}, key)
}

// setRetryKey makes a call safe to repeat.
func setRetryKey(ctx context.Context, header http.Header) error {
	if len(header["Idempotency-Key"]) > 0 {
		return nil
	}
	key, err := retryKey(ctx)
	if err != nil {
		return err
	}
	header["Idempotency-Key"] = []string{key}
	return nil
}

// retryKey returns the Idempotency-Key of the context, or a random one.
func retryKey(ctx context.Context) (string, error) {
	key, ok := ctx.Value(retryKeyContext{}).(string)
	switch {
	case !ok:
		key = randomKey()
	case key == "" || len(key) > 255 || strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "", invalidField("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
	}
	return key, nil
}

// retryable reports whether a failure is transient: no response, a request that did
// not arrive in time, 429, 500, 503, or the status of a gateway whose server is
// unreachable.
func retryable(err *Error) bool {
	switch err.status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case 0:
		return err.Kind == KindOffline || err.Kind == KindUnavailable || err.Kind == KindRateLimited ||
			err.Code == connect.CodeInternal && connect.IsWireError(err.cause) ||
			err.Reason == "idempotency_in_progress" || err.Reason == "request_timeout"
	}
	return false
}

// maxRetryAfter is the longest Retry-After that a call waits for.
const maxRetryAfter = time.Minute

// waitBefore waits before the n-th retry: as long as the server asks, else a random
// time. It fails at once if that is longer than a minute, or the caller's deadline is
// earlier.
func waitBefore(ctx context.Context, n int, err *Error) error {
	d := backoff(n)
	if err.RetryAfter > 0 {
		d = err.RetryAfter
	}
	if end, ok := ctx.Deadline(); d > maxRetryAfter || ok && time.Until(end) <= d {
		return context.DeadlineExceeded
	}
	return wait(ctx, d)
}

func (c *caller) succeeded(ctx context.Context, res connect.AnyResponse) {
	c.observe(ctx, res.Header())
	c.rpc.reached()
}

// observe fills in the ResponseInfo of the context and emits EventKeyRotated.
func (c *caller) observe(ctx context.Context, h http.Header) {
	readInfo(ctx, h)
	if c.key.get() != nil && len(h["Deprecation"]) > 0 {
		c.observeRotation(h)
	}
}

func (c *caller) observeFailure(ctx context.Context, e *Error) {
	if h := e.header(); h != nil {
		c.observe(ctx, h)
	}
}

func (c *caller) observeRotation(h http.Header) {
	sunset, err := http.ParseTime(h.Get("Sunset"))
	if err != nil || c.sunset.Swap(sunset.Unix()) == sunset.Unix() {
		return
	}
	c.emitter.emit(Event{Type: EventKeyRotated, Sunset: sunset})
}
