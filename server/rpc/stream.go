package rpc

import (
	"context"
	"errors"
	"os"

	"connectrpc.com/connect"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

// StreamOptions returns the options of a handler of streams whose own errors are
// all faults of its caller.
func StreamOptions() connect.HandlerOption {
	return connect.WithHandlerOptions(
		connect.WithCompressMinBytes(compressFrom), connect.WithInterceptors(streamInterceptor{}),
	)
}

// streamInterceptor renders every refusal of a stream as intercept does that of a
// call.
type streamInterceptor struct{}

func (streamInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc { return next }

func (streamInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (streamInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, stream connect.StreamingHandlerConn) error {
		err := next(ctx, stream)
		if err == nil {
			return nil
		}
		c := call.From(ctx)
		return connectError(c, c.Fail(ctx, streamError(ctx, err)))
	}
}

// streamError returns the refusal behind the error of a stream: one of its
// reader, the end of its time, or else a broken message.
func streamError(ctx context.Context, err error) error {
	if e, ok := errors.AsType[*problem.Error](err); ok {
		return e
	}
	if e := call.Ended(ctx); e != nil {
		return e
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return problem.ContextError(context.DeadlineExceeded)
	}
	return problem.InvalidError(problem.FieldError{Message: "The stream must hold whole messages"})
}
