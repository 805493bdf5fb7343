package store

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
)

type eventRow struct {
	bun.BaseModel `bun:"table:audit_events,alias:e"`
	audit.Event
}

var insertEvent = inserting[eventRow]()

// Record appends an event to the audit trail. It sets the id and the time where
// they are missing.
func (t *tx) Record(ctx context.Context, e audit.Event) error {
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return t.fail(ctx, err)
		}
		e.ID = id.String()
	}
	if e.At.IsZero() {
		e.At = t.now
	}
	e.Occurrences = max(1, e.Occurrences)
	e.Client, e.RequestID = storable(e.Client), storable(e.RequestID)
	return write(ctx, t, insertEvent, &eventRow{Event: e})
}

// EventFilter selects events of the audit trail. An event must match every
// member that is set.
type EventFilter struct {
	Action  string
	Actor   string
	Subject string
	Limit   int // at most so many, the newest; 0 means all
}

// Events returns the matching events, oldest first.
func (s *Store) Events(ctx context.Context, f EventFilter) ([]audit.Event, error) {
	rows, err := list[eventRow](ctx, s.reader, "at DESC, id DESC", func(q *bun.SelectQuery) {
		for _, must := range []struct{ column, value string }{
			{"action", f.Action}, {"actor", f.Actor}, {"subject", f.Subject},
		} {
			if must.value != "" {
				q.Where("? = ?", bun.Ident(must.column), must.value)
			}
		}
		if f.Limit > 0 {
			q.Limit(int64(f.Limit))
		}
	})
	events, err := each(rows, err, func(row *eventRow) audit.Event { return row.Event })
	slices.Reverse(events)
	return events, err
}
