package auth

import (
	"encoding/json"
	"time"
)

// EventList is what ListAuditEvents takes; nil is no filter, and so is "" of a text.
type EventList struct {
	Actor, Subject, Action, Outcome *string
	Start, End                      *string // RFC 3339; [Start, End)
	Limit                           *int    // default 100
	Cursor                          *string // from an earlier page
}

// EventQuery selects events of the audit trail, newest first. An event must match
// every member that is set.
type EventQuery struct {
	Actor, Subject, Action, Outcome string
	Start, End                      *time.Time // [Start, End)
	After                           *Place
	Limit                           int
}

// filters returns what a cursor is bound to: the list that it pages over.
func (q *EventQuery) filters() []byte {
	b, _ := json.Marshal([]any{q.Actor, q.Subject, q.Action, q.Outcome, q.Start, q.End}) // plain values always marshal
	return append([]byte("audit-events:"), b...)
}
