package store

import (
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/tracing"
)

// sharedAtOnce is how many statements of one kind run at once: more make the batches smaller
// and nothing faster, and of two that run one may hang.
const sharedAtOnce = 2

// lanes are the statements that callers share on PostgreSQL. What they would do one by
// one costs them, and the database, a wake-up for each step.
type lanes struct {
	pool   *pgPool
	tracer *tracing.Tracer
	reads  map[any]*pointRead // by *statement

	rotations *coalescer[auth.Rotation, *auth.Rotated]
	mintings  *coalescer[auth.Minting, *time.Time]
}

func newLanes(p *pgPool, tracer *tracing.Tracer) *lanes {
	l := &lanes{pool: p, tracer: tracer, reads: make(map[any]*pointRead)}
	share(l, userByID)
	share(l, sessionByID)
	share(l, applicationByAppID)
	share(l, keyByHash)
	l.rotations = newCoalescer(sharedAtOnce, p.limit, func(r *auth.Rotation) string { return r.SessionID }, l.runRotations)
	l.mintings = newCoalescer(sharedAtOnce, p.limit, func(m *auth.Minting) string { return m.Session.UserID }, l.runMintings)
	return l
}

// finding returns the shared form of a SELECT, or nil if it has none.
func (l *lanes) finding(statement any) *pointRead {
	if l == nil {
		return nil
	}
	return l.reads[statement]
}

// length returns how many calls wait for a statement to begin.
func (l *lanes) length() (n int) {
	if l == nil {
		return 0
	}
	for _, r := range l.reads {
		n += r.calls.length()
	}
	return n + l.rotations.length() + l.mintings.length()
}

// close waits for the calls that wait and refuses new ones.
func (l *lanes) close() {
	if l == nil {
		return
	}
	for _, r := range l.reads {
		r.calls.close()
	}
	l.rotations.close()
	l.mintings.close()
}
