package cluster

import (
	"context"

	"github.com/redis/go-redis/v9"

	"github.com/openwearables/openwearables/internal/tracing"
)

// tracedCommands makes a span of each exchange with Redis, by the name of the
// command alone.
type tracedCommands struct{ tracer *tracing.Tracer }

// DialHook implements redis.Hook.
func (h tracedCommands) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements redis.Hook.
func (h tracedCommands) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		ctx, span := h.tracer.Command(ctx, cmd.Name())
		err := next(ctx, cmd)
		span.End(err)
		return err
	}
}

// ProcessPipelineHook implements redis.Hook.
func (h tracedCommands) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		ctx, span := h.tracer.Command(ctx, "pipeline")
		err := next(ctx, cmds)
		span.End(err)
		return err
	}
}
