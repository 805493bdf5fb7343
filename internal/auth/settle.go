package auth

import (
	"context"
	"time"
)

// settleTime bounds what is done for a caller who may have gone.
const settleTime = 5 * time.Second

// settle returns a context for what follows the comparison of a secret: the row
// of the audit trail, the count, and the effect. It does not end with the caller,
// who could else guess without a trace by hanging up in time.
func settle(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), settleTime)
}
