package event

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// ListInput is what ListWorkouts takes. A date is a UTC day, an RFC 3339 time,
// or unix seconds.
type ListInput struct {
	StartDate  string
	EndDate    string
	RecordType *string // "" is none
	Cursor     *string
	Limit      *int // default 50
}

// Query selects the workouts of one user that start in [Start, End).
type Query struct {
	UserID     string
	Start, End time.Time
	Type       *string
	After      *Position // only those beyond it, in the order of the query
	Backward   bool      // oldest first, else newest first; ties by id
	Limit      int
}

// Position is a workout's place in the order.
type Position struct {
	Start time.Time `json:"s"`
	ID    string    `json:"i"`
}

// Page is one page of workouts, newest first.
type Page struct {
	Data           []Workout
	NextCursor     *string // nil on the last page
	PreviousCursor *string // nil on the first page
	HasMore        bool
	Start, End     time.Time // the half-open range that was read
}

// cursor is a place and the direction to read from it.
type cursor struct {
	Position
	Back bool `json:"b,omitempty"`
}

// List returns one page of a user's workouts and records the read in the user's
// access ledger.
func (s *Workouts) List(ctx context.Context, userID string, in ListInput) (Page, error) {
	id, err := auth.UserID(userID)
	if err != nil {
		return Page{}, err
	}
	if err := s.admit(ctx, auth.WorkoutsRead, id); err != nil {
		return Page{}, err
	}
	q, err := s.query(id, in)
	if err != nil {
		return Page{}, err
	}
	if err := s.Store.UserExists(ctx, id); err != nil {
		return Page{}, userError(err)
	}
	limit := q.Limit
	q.Limit++ // one more shows whether there is another page
	rows, err := s.Store.Workouts(ctx, q)
	if err != nil {
		return Page{}, err
	}
	more := len(rows) > limit
	rows = rows[:min(limit, len(rows))]
	if q.Backward {
		slices.Reverse(rows)
	}
	s.note(ctx, &q, len(rows))
	return s.page(q, rows, more)
}

// page gives the rows their cursors. more reports that the store holds
// something beyond them in the direction that was read.
func (s *Workouts) page(q Query, rows []Workout, more bool) (Page, error) {
	out := Page{Data: rows, Start: q.Start, End: q.shownEnd()}
	older, newer := more, q.After != nil
	if q.Backward {
		older, newer = true, more
	}
	out.HasMore = older && len(rows) > 0
	var err error
	if len(rows) > 0 && older {
		out.NextCursor, err = s.cursor(q, rows[len(rows)-1], false)
	}
	if err == nil && len(rows) > 0 && newer {
		out.PreviousCursor, err = s.cursor(q, rows[0], true)
	}
	return out, err
}

func (s *Workouts) cursor(q Query, at Workout, back bool) (*string, error) {
	c, err := s.Cursors.SealCursor(q.filters(), cursor{Position{at.StartTime, at.ID}, back})
	return &c, err
}

// filters returns what a cursor is bound to: the list that it pages over.
func (q *Query) filters() []byte {
	b, _ := json.Marshal([]any{q.UserID, q.Start, q.shownEnd(), q.Type}) // plain values and times in range always marshal
	return append([]byte("workouts:"), b...)
}

// shownEnd returns End, or the last instant of the range of times if End follows it.
func (q *Query) shownEnd() time.Time {
	if problem.InRange(q.End) {
		return q.End
	}
	return q.End.Add(-time.Microsecond)
}

func (s *Workouts) query(userID string, in ListInput) (Query, error) {
	var v problem.Check
	q := Query{UserID: userID, Limit: 50}
	if in.Limit != nil {
		q.Limit = *in.Limit
	}
	v.Between("limit", q.Limit, 1, 100)
	v.Optional("record_type", in.RecordType, problem.MaxText)
	if in.RecordType != nil && problem.Trim(*in.RecordType) != "" {
		q.Type = new(problem.Trim(*in.RecordType))
	}
	start, end := readRange(&v, in)
	if q.Start, q.End = start, end; in.Cursor != nil {
		var at cursor
		if s.Cursors.OpenCursor(q.filters(), *in.Cursor, &at) {
			q.After, q.Backward = &at.Position, at.Back
		} else {
			v.Fail("cursor", "must be a cursor of the same list with the same filters")
		}
	}
	return q, v.Err()
}

var (
	unixSeconds = regexp.MustCompile(`^-?\d{1,12}$`)
	dateOnly    = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	zoneOffset  = regexp.MustCompile(`^(Z|[+-](0\d|1[0-4]):[0-5]\d)$`)
)

// readRange reads the half-open range between the two dates. An end that is a
// date is included as a whole day.
func readRange(v *problem.Check, in ListInput) (start, end time.Time) {
	start, _ = readDate(v, "start_date", in.StartDate)
	last, wholeDay := readDate(v, "end_date", in.EndDate)
	if end = last; wholeDay {
		end = last.AddDate(0, 0, 1)
		last = end.Add(-time.Microsecond)
	}
	if !start.IsZero() && !last.IsZero() && start.After(last) {
		v.Fail("start_date", "must not be after end_date")
	}
	return start, end
}

// readDate reads an instant or a date, and reports whether it is a date. A time
// without an offset is UTC.
func readDate(v *problem.Check, field, s string) (t time.Time, wholeDay bool) {
	var err error
	switch {
	case s == "":
		v.Fail(field, "is required")
		return t, false
	case unixSeconds.MatchString(s):
		var n int64
		if n, err = strconv.ParseInt(s, 10, 64); err == nil {
			t = time.Unix(n, 0)
		}
	case dateOnly.MatchString(s):
		wholeDay = true
		t, err = time.Parse(time.DateOnly, s)
	default:
		if t, err = problem.ParseInstant(s); err != nil {
			t, err = problem.ParseInstant(s + "Z")
		}
	}
	t = t.UTC()
	if err != nil || !problem.InRange(t) {
		v.Fail(field, "must be a date (2026-03-01), an RFC 3339 time, or unix seconds, in the years 0001 to 9999")
		return time.Time{}, false
	}
	return t, wholeDay
}

// note records the read in the user's access ledger.
func (s *Workouts) note(ctx context.Context, q *Query, items int) {
	c := auth.CallerFrom(ctx)
	end := q.shownEnd()
	a := audit.Access{
		UserID: q.UserID, At: s.Now().UTC().Truncate(time.Microsecond), Operation: "ListWorkouts", RangeStart: &q.Start, RangeEnd: &end,
		Items:  int32(items),
		Client: c.Client, RequestID: c.RequestID,
	}
	if c.Principal != nil {
		a.Actor = c.Principal.Actor()
	}
	if c.Address.IsValid() {
		a.IP = c.Address.String()
	}
	s.Ledger.Read(a)
}
