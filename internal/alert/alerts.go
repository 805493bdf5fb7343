package alert

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// MaxMutes is how many mutes there may be.
const MaxMutes = 1000

// Lists keeps what developers see and change. A change records the event in its
// transaction. A missing alert is problem.ErrNotFound.
type Lists interface {
	Alerts(ctx context.Context, q Query) ([]Alert, error)
	// AcknowledgeAlert records who has seen an alert first. It resolves one that tells
	// of an event.
	AcknowledgeAlert(ctx context.Context, id string, e audit.Event) (Alert, error)
	// MuteAlert mutes the rule of an alert for its subject until the time, or ends that
	// if it is nil. If there are most mutes, the error is a refusal.
	MuteAlert(ctx context.Context, id string, until *time.Time, most int, e audit.Event) (Alert, error)
	AlertMutes(ctx context.Context) ([]Mute, error)
	AlertSettings(ctx context.Context) (Settings, error)
	// ChangeAlertRule changes the setting of a rule by change, and returns it.
	ChangeAlertRule(ctx context.Context, rule string, change func(*Setting), e audit.Event) (Setting, error)
}

// Cursors seals places in a list and binds them to the list.
type Cursors interface {
	SealCursor(filters []byte, at any) (string, error)
	OpenCursor(filters []byte, cursor string, at any) bool
}

// Alerts lets developers see and handle alerts. Safe for concurrent use.
type Alerts struct {
	Store   Lists
	Cursors Cursors
	Now     func() time.Time
}

// ListInput is what ListAlerts takes; nil is no filter, and so is "".
type ListInput struct {
	State, Rule, Subject *string
	Limit                *int    // default 100
	Cursor               *string // from an earlier page
}

// Query selects alerts, those that opened last first: limit at most, and those after
// the place unless it is nil. An alert must match every member that is set.
type Query struct {
	State, Rule, Subject string
	After                *auth.Place
	Limit                int
}

func (q *Query) filters() []byte {
	b, _ := json.Marshal([]string{q.State, q.Rule, q.Subject}) // strings always marshal
	return append([]byte("alerts:"), b...)
}

const fullPage = 100

// List returns a page of alerts.
func (s *Alerts) List(ctx context.Context, in ListInput) (page auth.Page[Alert], err error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return page, err
	}
	q, err := s.query(in)
	if err != nil {
		return page, err
	}
	limit := q.Limit
	q.Limit++ // one more shows whether there are more
	if page.Items, err = s.Store.Alerts(ctx, q); err != nil || len(page.Items) <= limit {
		return page, err
	}
	page.Items = page.Items[:limit]
	last := &page.Items[limit-1]
	cursor, err := s.Cursors.SealCursor(q.filters(), auth.Place{At: last.OpenedAt, ID: last.ID})
	page.NextCursor = &cursor
	return page, err
}

func (s *Alerts) query(in ListInput) (Query, error) {
	var v problem.Check
	q := Query{Limit: fullPage}
	for _, filter := range []struct {
		field    string
		from, to *string
	}{{"state", in.State, &q.State}, {"rule", in.Rule, &q.Rule}, {"subject", in.Subject, &q.Subject}} {
		if v.Optional(filter.field, filter.from, problem.MaxText); filter.from != nil {
			*filter.to = *filter.from
		}
	}
	if in.State != nil {
		v.OneOf("state", q.State, Open, Acknowledged, Resolved)
	}
	if in.Limit != nil {
		q.Limit = *in.Limit
		v.Between("limit", q.Limit, 1, fullPage)
	}
	if in.Cursor != nil && v.Err() == nil && !s.Cursors.OpenCursor(q.filters(), *in.Cursor, &q.After) {
		v.Fail("cursor", "must be the cursor of the next page of the same list with the same filters")
	}
	return q, v.Err()
}

// Acknowledge records that the caller has seen an alert.
func (s *Alerts) Acknowledge(ctx context.Context, id string) (Alert, error) {
	id, e, err := s.change(ctx, audit.AlertAcknowledge, id)
	if err != nil {
		return Alert{}, err
	}
	a, err := s.Store.AcknowledgeAlert(ctx, id, e)
	return a, alertError(err)
}

// Mute mutes the rule of an alert for its subject until a time, in RFC 3339, or ends
// that if it is nil.
func (s *Alerts) Mute(ctx context.Context, id string, until *string) (Alert, error) {
	id, e, err := s.change(ctx, audit.AlertMute, id)
	if err != nil {
		return Alert{}, err
	}
	var v problem.Check
	end := v.Future("until", until, s.Now())
	if err := v.Err(); err != nil {
		return Alert{}, err
	}
	if end == nil {
		e.Action = audit.AlertUnmute
	}
	a, err := s.Store.MuteAlert(ctx, id, end, MaxMutes, e)
	return a, alertError(err)
}

// change admits developers and checks the id of an alert.
func (s *Alerts) change(ctx context.Context, action, id string) (string, audit.Event, error) {
	id, err := problem.UUID("id", id)
	if err != nil {
		return "", audit.Event{}, err
	}
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return "", audit.Event{}, err
	}
	return id, auth.CallerFrom(ctx).Event(action, "alert:"+id, s.Now()), nil
}

func alertError(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("Alert")
	}
	return err
}

// Rules returns every rule with its settings, and what is muted.
func (s *Alerts) Rules(ctx context.Context) (all []Rule, mutes []Mute, err error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return nil, nil, err
	}
	settings, err := s.Store.AlertSettings(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range All() {
		all = append(all, settings.rule(name))
	}
	mutes, err = s.Store.AlertMutes(ctx)
	return all, mutes, err
}

// RulePatch is what UpdateAlertRule changes. Neither member can be cleared.
type RulePatch struct {
	Enabled    auth.Change[bool]
	Thresholds auth.Change[[]ThresholdInput]
}

// ThresholdInput sets a threshold.
type ThresholdInput struct {
	Name  string
	Value int32
}

// UpdateRule changes the settings of a rule.
func (s *Alerts) UpdateRule(ctx context.Context, name string, in RulePatch) (Rule, error) {
	if _, err := auth.RequireDeveloper(ctx); err != nil {
		return Rule{}, err
	}
	var v problem.Check
	if v.Text("rule", name, 1, problem.MaxText); v.Err() != nil {
		return Rule{}, v.Err()
	}
	if _, ok := rules[name]; !ok {
		return Rule{}, problem.NotFoundError("Alert rule")
	}
	if in.check(&v, name); v.Err() != nil {
		return Rule{}, v.Err()
	}
	e := auth.CallerFrom(ctx).Event(audit.AlertRuleUpdate, "alert_rule:"+name, s.Now())
	stored, err := s.Store.ChangeAlertRule(ctx, name, in.apply, e)
	return Settings{name: stored}.rule(name), err
}
