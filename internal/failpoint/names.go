// Package failpoint ends or delays the process at named places, so that a test
// can find out what is left of what was under way. It does nothing unless the
// build has the tag failpoint.
//
// With the tag, FAILPOINT is NAME:ACTION or NAME:ACTION:N. The
// place is passed N-1 times (0 by default) and then acts: "kill" ends the process
// as kill -9 does, "sleep=DURATION" delays it, each time from then on.
package failpoint

// The places.
const (
	AfterBegin   = "after_begin"   // a transaction was begun and has written nothing
	AfterWrite   = "after_write"   // a transaction has written all of its rows
	BeforeCommit = "before_commit" // before the commit of one transaction, or of several at once
	AfterCommit  = "after_commit"  // committed, and nobody was told
	AfterForget  = "after_forget"  // what a revocation ended is refused everywhere, and nobody was told
	AfterReply   = "after_reply"   // the answer was handed to the connection
	MidMigration = "mid_migration" // between the statements of a migration
	MidDrain     = "mid_drain"     // SIGTERM came, and requests are under way
)
