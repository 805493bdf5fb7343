package ratelimit

import "context"

// A Counter keeps one fixed window for each policy name and id. A window opens
// at the first Take that finds none open, and ends at its Reset, or as soon as all
// that was spent in it has been returned; it is forgotten then. Every method is atomic and safe for concurrent use.
//
// An error means that the counter could not be reached or did not answer in
// time, never that a request was refused. Whether anything was spent is then
// unknown, and the Window is the zero one.
type Counter interface {
	// Take spends p.Units() of id's window if so many are left. In one window
	// exactly min(calls, Limit) of one unit are admitted, and unless something is
	// returned no two of them report the same Remaining. A refused Take spends
	// nothing.
	Take(ctx context.Context, p Policy, id string) (Window, error)

	// Peek returns id's window. It neither spends nor opens one; if none is
	// open, it returns the one that a Take would open.
	Peek(ctx context.Context, p Policy, id string) (Window, error)

	// Return gives one unit back to id's open window, for a Take that turned
	// out to be free. It does nothing if no window is open, and never raises
	// Remaining above the limit.
	Return(ctx context.Context, p Policy, id string) error
}
