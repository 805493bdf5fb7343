package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// settleTime bounds what is done for a caller who may have gone.
const settleTime = 5 * time.Second

// undecided reports whether a write with this result may have taken effect: it
// succeeded, or the store could not say. What is cached of what it changes must then be
// forgotten.
func undecided(err error) bool {
	e, ok := errors.AsType[*problem.Error](err)
	return err == nil || !ok || e.Kind == problem.Unavailable || e.Kind == problem.Internal
}

// settle returns a context for what follows the comparison of a secret: the row
// of the audit trail, the count, and the effect. It does not end with the caller,
// who could else guess without a trace by hanging up in time.
func settle(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}
