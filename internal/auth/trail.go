package auth

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/problem"
)

// trail records refusals, which no transaction of an effect does. Safe for
// concurrent use.
type trail struct {
	store    Store
	refusals audit.Refusals
	browsers hourly
	now      func() time.Time
	log      *slog.Logger
}

// refuse records that the caller's action on the subject was refused, and
// returns the refusal. The subject is "" if unknown. If the refusal cannot be
// recorded, it returns the store's error.
//
// What was presented must at least have been made by this server: refusals of
// anything else are only counted, as Caller.Foreign.
func (t *trail) refuse(ctx context.Context, action, subject string, refusal *problem.Error) error {
	return t.refuseAs(ctx, CallerFrom(ctx).Event(action, subject, t.now()), refusal)
}

// refuseAs is refuse for an event that is not the caller's alone.
func (t *trail) refuseAs(ctx context.Context, e audit.Event, refusal *problem.Error) error {
	e.Outcome = refusal.Reason
	// One subscriber has many addresses in IPv6.
	if t.refusals.Own(CallerFrom(ctx).network(32, 48), e) {
		if err := t.record(ctx, e); err != nil {
			return err
		}
	}
	return refusal
}

// noteInBrowser records that a page used the credential of the subject for the action,
// which the operator allows: once an hour, and soon after the request.
func (t *trail) noteInBrowser(c *Caller, action, subject string) {
	now := t.now()
	if !t.browsers.first(subject, now) {
		return
	}
	e := c.Event(action, subject, now)
	e.Actor, e.Outcome = subject, reasonInBrowser
	t.refusals.Return([]audit.Event{e})
}

// hourly tells what happens for the first time in an hour of the clock. The zero value
// is ready to use, and safe for concurrent use.
type hourly struct {
	hour atomic.Int64
	seen sync.Map // by subject
}

func (h *hourly) first(subject string, now time.Time) bool {
	if hour := now.Unix() / 3600; h.hour.Load() != hour && h.hour.Swap(hour) != hour {
		h.seen.Clear()
	}
	_, again := h.seen.LoadOrStore(subject, nil)
	return !again
}

func (t *trail) record(ctx context.Context, events ...audit.Event) error {
	return t.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		for _, e := range events {
			if err := tx.Record(ctx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

// write records sums. Those that it cannot record are kept for the next time.
func (t *trail) write(ctx context.Context, sums []audit.Event) error {
	for some := range slices.Chunk(sums, 100) {
		if err := t.record(ctx, some...); err != nil {
			t.refusals.Return(sums)
			return err
		}
		sums = sums[len(some):]
	}
	return nil
}

// warnOfReuse logs that a session was ended because its refresh token was used
// twice.
func (t *trail) warnOfReuse(ctx context.Context, sessionID, holder string) {
	t.log.WarnContext(ctx, "refresh token reuse: the session was ended",
		"session", sessionID, "holder", holder, "request_id", CallerFrom(ctx).RequestID)
}

// recordSessions records one action of the caller on each of several sessions.
func recordSessions(ctx context.Context, tx Tx, c *Caller, action string, ids []string) error {
	for _, id := range ids {
		if err := tx.Record(ctx, c.Event(action, sessionSubject(id), tx.Now())); err != nil {
			return err
		}
	}
	return nil
}
