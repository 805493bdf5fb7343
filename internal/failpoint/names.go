// Package failpoint ends or delays the process at named places, so that a test
// can examine what remains of work that was under way. It does nothing unless
// the build has the tag failpoint.
//
// With the tag, the environment variable FAILPOINT is NAME:ACTION or
// NAME:ACTION:N. The process passes the place N-1 times (0 by default), and
// from then on acts each time: "kill" ends it as kill -9 does, "sleep=DURATION"
// delays it.
package failpoint

import "context"

// The places.
const (
	AfterBegin   = "after_begin"   // a transaction was begun and has written nothing
	AfterWrite   = "after_write"   // a transaction has written all of its rows
	BeforeCommit = "before_commit" // before the commit of one transaction, or of several at once
	AfterCommit  = "after_commit"  // committed, and not acknowledged
	AfterForget  = "after_forget"  // what a revocation ended is refused everywhere, and the call has not returned
	AfterReply   = "after_reply"   // the answer was handed to the connection
	MidMigration = "mid_migration" // between the statements of a migration
	MidDrain     = "mid_drain"     // SIGTERM came, and requests are under way
)

type background struct{}

// Background returns a context in which HitFor does nothing: that of what a node
// writes by itself, as it starts and as long as it runs.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, background{}, true)
}

// HitFor is Hit, unless ctx is of [Background].
func HitFor(ctx context.Context, name string) {
	if ctx.Value(background{}) == nil {
		Hit(name)
	}
}
