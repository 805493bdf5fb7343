package usage

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// MaxPoints is how many spans a report covers at most.
const MaxPoints = 1500

// How many names a report lists: those with the most requests.
const (
	maxListed = 100
	maxTop    = 20
)

// Reader reads counts. The rules of auth.Reader hold for it.
type Reader interface {
	// UsageSeries returns the spans of a subject in [start, end) that have requests,
	// oldest first.
	UsageSeries(ctx context.Context, subject string, r Resolution, start, end time.Time) ([]Span, error)
	// UsageNames returns the names of a dimension that have requests in [start,
	// end), those with the most first.
	UsageNames(ctx context.Context, of Names) ([]Named, error)
	// UsageKnown reports whether there is any count of the subject.
	UsageKnown(ctx context.Context, subject string) (bool, error)

	Key(ctx context.Context, id string) (auth.StoredKey, error)
	Application(ctx context.Context, appID string) (auth.StoredApplication, error)
	UserExists(ctx context.Context, userID string) error
}

// Names selects names of a dimension.
type Names struct {
	Subject    string
	Resolution Resolution
	Dimension  Dimension
	Start, End time.Time
	Limit      int
	NoOther    bool // leaves out what stands for the others
}

// Span is the requests of one span of time.
type Span struct {
	At time.Time
	Tally
}

// Named is the requests that have one name in common.
type Named struct {
	Name string
	Tally
}

// RangeInput selects the spans of a report; nil is the default.
type RangeInput struct {
	Start, End *string // RFC 3339; default: until now, as many spans as the resolution shows by default
	Resolution *string // "minute", "hour" or "day"; default: hour
}

// period is the spans of a report: those of the resolution from start to end.
type period struct {
	resolution Resolution
	start, end time.Time
}

// resolutions are the words for resolutions, with the number of spans that each
// shows by default.
var resolutions = map[string]struct {
	Resolution
	spans  time.Duration
	advice string // what to do if there are too many
}{
	"minute": {Minute, 60, "ask for fewer, or with the resolution hour or day"},
	"hour":   {Hour, 24, "ask for fewer, or with the resolution day"},
	"day":    {Day, 30, "ask for fewer"},
}

// Report is what GetKeyUsage, GetApplicationUsage and GetUserUsage return.
type Report struct {
	Start, End time.Time
	Resolution string
	Totals     Tally
	Series     []Span // every span from Start to End
	Operations []Named
	Clients    []Named // of the days that the range touches, as are Networks
	Networks   []Named
}

// AccountReport is what GetUsage returns. What follows Operations is of the days
// that the range touches.
type AccountReport struct {
	Report
	Keys, Applications, Users, Developers []Named
}

// Reports reads counts. Safe for concurrent use.
type Reports struct {
	Store Reader
	Now   func() time.Time
}

// Account reports the requests of all. Only developers may read it.
func (s *Reports) Account(ctx context.Context, in RangeInput) (out AccountReport, err error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return out, err
	}
	p, err := s.period(in)
	if err != nil {
		return out, err
	}
	if out.Report, err = s.series(ctx, Account, p); err != nil {
		return out, err
	}
	for d, into := range map[Dimension]*[]Named{
		Operations: &out.Operations, Keys: &out.Keys, Applications: &out.Applications, Users: &out.Users, Developers: &out.Developers,
	} {
		if *into, err = s.Store.UsageNames(ctx, p.names(Account, d)); err != nil {
			return out, err
		}
	}
	return out, nil
}

// Key reports the requests of a key, also of one that was deleted as long as they
// are kept. Only developers may read it.
func (s *Reports) Key(ctx context.Context, id string, in RangeInput) (Report, error) {
	return s.ofHandle(ctx, auth.APIKey, "id", id, in, func() error {
		_, err := s.Store.Key(ctx, id)
		return err
	})
}

// Application is Key for an application: the exchanges of its secret and the
// requests with the tokens of users that these returned.
func (s *Reports) Application(ctx context.Context, appID string, in RangeInput) (Report, error) {
	return s.ofHandle(ctx, auth.AppSecret, "app_id", appID, in, func() error {
		_, err := s.Store.Application(ctx, appID)
		return err
	})
}

// ofHandle reports the requests of what exists if find returns nil.
func (s *Reports) ofHandle(ctx context.Context, kind auth.CredentialKind, field, id string, in RangeInput, find func() error) (Report, error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return Report{}, err
	}
	var v problem.Check
	v.Text(field, id, 1, problem.MaxText)
	if err := v.Err(); err != nil {
		return Report{}, err
	}
	p, err := s.period(in)
	if err != nil {
		return Report{}, err
	}
	if err := find(); errors.Is(err, problem.ErrNotFound) {
		if known, err := s.Store.UsageKnown(ctx, Subject(kind, id)); err != nil {
			return Report{}, err
		} else if !known {
			return Report{}, problem.NotFoundError(map[auth.CredentialKind]string{auth.APIKey: "API key", auth.AppSecret: "Application"}[kind])
		}
	} else if err != nil {
		return Report{}, err
	}
	return s.report(ctx, Subject(kind, id), p)
}

// User reports the requests with a user's tokens, to the account or to that user.
func (s *Reports) User(ctx context.Context, userID string, in RangeInput) (Report, error) {
	id, err := auth.UserID(userID)
	if err != nil {
		return Report{}, err
	}
	if _, err := auth.RequireOwner(ctx, auth.UsersRead, id); err != nil {
		return Report{}, err
	}
	p, err := s.period(in)
	if err != nil {
		return Report{}, err
	}
	if err := s.Store.UserExists(ctx, id); errors.Is(err, problem.ErrNotFound) {
		return Report{}, problem.NotFoundError("User")
	} else if err != nil {
		return Report{}, err
	}
	return s.report(ctx, Subject(auth.UserToken, id), p)
}

func (s *Reports) report(ctx context.Context, subject string, p period) (Report, error) {
	out, err := s.series(ctx, subject, p)
	if err != nil {
		return out, err
	}
	if out.Operations, err = s.Store.UsageNames(ctx, p.names(subject, Operations)); err != nil {
		return out, err
	}
	if out.Clients, err = s.Store.UsageNames(ctx, p.names(subject, Clients)); err != nil {
		return out, err
	}
	out.Networks, err = s.Store.UsageNames(ctx, p.names(subject, Networks))
	return out, err
}

// series begins a report: with every span, and their sum.
func (s *Reports) series(ctx context.Context, subject string, p period) (Report, error) {
	out := Report{Start: p.start, End: p.end, Resolution: p.resolution.word(), Series: make([]Span, p.spans())}
	used, err := s.Store.UsageSeries(ctx, subject, p.resolution, p.start, p.end)
	if err != nil {
		return out, err
	}
	for i := range out.Series {
		at := p.start.Add(time.Duration(i) * p.resolution.Length())
		out.Series[i].At = at
		if len(used) > 0 && used[0].At.Equal(at) {
			out.Series[i], used = used[0], used[1:]
			out.Totals.Add(out.Series[i].Tally)
		}
	}
	return out, nil
}

// period reads the range of a report. Its start is moved to the beginning of its
// span, its end to the end of its span.
func (s *Reports) period(in RangeInput) (period, error) {
	var v problem.Check
	word := "hour"
	if in.Resolution != nil {
		word = *in.Resolution
	}
	v.OneOf("resolution", word, "minute", "hour", "day")
	start, end := v.Instant("start", in.Start), v.Instant("end", in.End)
	if err := v.Err(); err != nil {
		return period{}, err
	}
	r := resolutions[word]
	length := r.Length()
	if end == nil {
		now := s.Now()
		end = &now
	}
	p := period{resolution: r.Resolution, end: r.Start(end.Add(length - time.Microsecond))}
	p.start = p.end.Add(-r.spans * length)
	if start != nil {
		p.start = r.Start(*start)
	}
	switch {
	case p.end.Year() <= 1970 || p.end.Year() > 9000:
		v.Fail("end", "must be in a year from 1971 to 9000")
	case p.start.Year() < 1970:
		v.Fail("start", "must be in a year from 1970 on")
	case start != nil && !start.Before(*end):
		v.Fail("start", "must be before end")
	case p.spans() > MaxPoints:
		v.Fail("start", "must be at most "+strconv.Itoa(MaxPoints)+" "+word+"s before end: "+r.advice)
	}
	return p, v.Err()
}

func (r Resolution) word() string { return [...]string{"minute", "hour", "day"}[r] }

// spans returns how many spans there are from the beginning to the end.
func (p period) spans() int { return int(p.end.Sub(p.start) / p.resolution.Length()) }

// names selects the names of a dimension: in the spans of the period or, where they
// are counted by day only, in the days that it touches.
func (p period) names(subject string, d Dimension) Names {
	n := Names{Subject: subject, Resolution: p.resolution, Dimension: d, Start: p.start, End: p.end, Limit: maxListed}
	if d > Operations {
		n.Resolution, n.Start = Day, Day.Start(p.start)
	}
	if d >= Keys {
		n.Limit, n.NoOther = maxTop, true
	}
	return n
}
