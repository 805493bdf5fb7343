package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

type eventRow struct {
	bun.BaseModel `bun:"table:audit_events,alias:e"`
	audit.Event
}

func (r *eventRow) held() audit.Event { return r.Event }

var insertEvent = inserting[eventRow]()

// Record appends an event to the audit trail. It sets the id and the time where
// they are missing.
func (t *tx) Record(ctx context.Context, e audit.Event) error {
	e, err := completed(e)
	if err != nil {
		return t.fail(ctx, err)
	}
	if e.At.IsZero() {
		e.At = t.now
	}
	return write(ctx, t, insertEvent, &eventRow{Event: e})
}

// completed returns the event with what is missing, except its time.
func completed(e audit.Event) (audit.Event, error) {
	if e.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return e, err
		}
		e.ID = id.String()
	}
	e.Occurrences = max(1, e.Occurrences)
	e.Client, e.RequestID = storable(e.Client), storable(e.RequestID)
	return e, nil
}

// sharedFor is for how long effects that follow each other closely share a row.
const sharedFor = time.Hour

// recordOften is Record for an effect that one actor may have on a subject any number
// of times: those of an hour from one address share the row of the first. The subject
// must be locked.
func (t *tx) recordOften(ctx context.Context, e audit.Event) error {
	n, err := t.exec(ctx, t.db.NewRaw("UPDATE audit_events SET occurrences = occurrences + 1 WHERE id = (SELECT id FROM audit_events WHERE subject = ? "+
		"AND at > ? AND action = ? AND outcome = ? AND actor = ? AND coalesce(ip, '') = ? ORDER BY at DESC LIMIT 1)",
		e.Subject, t.now.Add(-sharedFor), e.Action, e.Outcome, e.Actor, e.IP).Conn(t.conn))
	if err != nil || n > 0 {
		return err
	}
	return t.Record(ctx, e)
}

// newestEvents is the order of the audit trail as it is listed, and maxLooked how
// many events one query looks at that an index does not tell apart.
const (
	newestEvents = "at DESC, id DESC"
	maxLooked    = 20_000
)

// AuditEvents implements auth.Reader. The events of a subject, else of an actor, are
// found by an index. Of those it looks at maxLooked to find what else q asks for.
func (r *reader) AuditEvents(ctx context.Context, q auth.EventQuery) (events []audit.Event, rest *auth.Place, err error) {
	among, is := eventsAmong(q)
	if len(is) == 0 {
		rows, err := few[eventRow](ctx, r, newestEvents, func(s *bun.SelectQuery) { among(s).Limit(int64(q.Limit)) })
		events, err = each(rows, err, (*eventRow).held)
		return events, nil, err
	}
	var rows, last []eventRow
	err = r.scan(ctx, func(ctx context.Context, on executor) error {
		rows, last = nil, nil
		err := among(r.db.NewSelect().Model(&last).Column("at", "id").OrderExpr(newestEvents)).Offset(maxLooked - 1).Limit(1).Conn(on).Scan(ctx)
		if err != nil {
			return err
		}
		found := among(r.db.NewSelect().Model(&rows).OrderExpr(newestEvents))
		if len(last) > 0 { // newer events that come meanwhile move nothing
			found.Where("(at, id) >= (?, ?)", last[0].At, last[0].ID)
		}
		return is.narrow(found).Limit(int64(q.Limit)).Conn(on).Scan(ctx)
	})
	if events, err = each(rows, r.fail(ctx, err), (*eventRow).held); err == nil && len(events) < q.Limit && len(last) > 0 {
		rest = &auth.Place{At: last[0].At, ID: last[0].ID}
	}
	return events, rest, err
}

// equal are the values that columns must have.
type equal map[string]string

func (e equal) narrow(q *bun.SelectQuery) *bun.SelectQuery {
	for column, value := range e {
		q.Where("? = ?", bun.Ident(column), value)
	}
	return q
}

// eventsAmong splits a query into what an index finds and what else must hold.
func eventsAmong(q auth.EventQuery) (among func(*bun.SelectQuery) *bun.SelectQuery, is equal) {
	indexed := make(equal)
	is = make(equal)
	for _, must := range []struct {
		column, value string
		index         bool
	}{{"subject", q.Subject, true}, {"actor", q.Actor, true}, {"action", q.Action, false}, {"outcome", q.Outcome, false}} {
		switch {
		case must.value == "":
		case must.index && len(indexed) == 0:
			indexed[must.column] = must.value
		default:
			is[must.column] = must.value
		}
	}
	return func(s *bun.SelectQuery) *bun.SelectQuery {
		if indexed.narrow(s); q.Start != nil {
			s.Where("at >= ?", *q.Start)
		}
		if q.End != nil {
			s.Where("at < ?", *q.End)
		}
		if q.After != nil {
			s.Where("(at, id) < (?, ?)", q.After.At, q.After.ID)
		}
		return s
	}, is
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
	events, err := each(rows, err, (*eventRow).held)
	slices.Reverse(events)
	return events, err
}
