package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// trail records refusals, which no transaction of an effect does. Safe for
// concurrent use.
type trail struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
}

// refuse records that the caller's action on the subject was refused, and
// returns the refusal. The subject is "" if unknown. If the refusal cannot be
// recorded, it returns the store's error.
func (t *trail) refuse(ctx context.Context, action, subject string, refusal *problem.Error) error {
	e := CallerFrom(ctx).event(action, subject, t.now())
	e.Outcome = refusal.Reason
	err := t.store.Write(ctx, func(ctx context.Context, tx Tx) error { return tx.Record(ctx, e) })
	if err != nil {
		return err
	}
	return refusal
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
		if err := tx.Record(ctx, c.event(action, sessionSubject(id), tx.Now())); err != nil {
			return err
		}
	}
	return nil
}
