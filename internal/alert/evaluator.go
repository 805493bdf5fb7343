package alert

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/audit"
)

// ErrSuperseded means that another evaluation was begun meanwhile.
var ErrSuperseded = errors.New("alert: another evaluation has begun")

// What one evaluation does at most, and how.
const (
	fewChanges   = 100             // alerts that open, and that are resolved, in one transaction
	fewSightings = 1000            // that are written in one transaction, and those of one subject
	batch        = 500             // events or subjects that are looked at together
	maxBatches   = 200             // of events; the next evaluation goes on
	maxSeen      = 10_000          // ids of events that are remembered
	lateEvents   = 2 * time.Minute // within which an event is committed after it got its id
	lateUses     = 5 * time.Minute // within which a use is usually stored
	sweepEvery   = time.Hour
	ledgerEvery  = time.Hour
	maxEntries   = 20_000 // of ledgers that are checked in an hour
)

// Evaluator looks for what needs an alert. One node of an installation does so at a
// time.
type Evaluator struct {
	Store  Store
	Signer audit.Signer // of the heads of ledgers
	Every  time.Duration
	Hours  time.Duration // for which requests of an hour are kept; 0 is for ever

	// Now is the clock of this machine, and Since when it began.
	Now   func() time.Time
	Since time.Time

	open atomic.Pointer[map[string]int64]
}

// Open returns how many alerts of a rule were open when this node last looked, or after
// another one has.
func (e *Evaluator) Open(rule string) int64 {
	if open := e.open.Load(); open != nil {
		return (*open)[rule]
	}
	return 0
}

// Evaluate looks once, unless another node does or has, and counts the open alerts in
// either case. Call it as often as Every says.
func (e *Evaluator) Evaluate(ctx context.Context) error {
	err := e.look(ctx)
	open, counting := e.Store.OpenAlerts(ctx)
	if counting == nil {
		e.open.Store(&open)
	}
	return errors.Join(err, counting)
}

func (e *Evaluator) look(ctx context.Context) error {
	run, due, err := e.Store.Claim(ctx, e.Every-e.Every/10, e.Since.Add(-lateEvents))
	if err != nil || !due {
		return err
	}
	p := pass{Evaluator: e, run: run, now: run.At}
	if err := p.load(ctx); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{p.events, p.uses, p.states, p.ledgers} {
		if err := part(ctx); errors.Is(err, ErrSuperseded) {
			return nil
		} else if err != nil { // what was not stored, the next one looks at again
			return err
		}
	}
	return nil
}

// pass is one evaluation.
type pass struct {
	*Evaluator
	run      Run
	now      time.Time
	settings Settings
	keys     []Key
	apps     []Application
	names    Names
}

func (p *pass) load(ctx context.Context) (err error) {
	if p.settings, err = p.Store.AlertSettings(ctx); err != nil {
		return err
	}
	if p.keys, err = p.Store.AlertKeys(ctx); err != nil {
		return err
	}
	if p.apps, err = p.Store.AlertApplications(ctx); err != nil {
		return err
	}
	p.names = make(Names, len(p.keys)+len(p.apps))
	for i := range p.keys {
		p.names[p.keys[i].subject()] = p.keys[i].Name
	}
	for i := range p.apps {
		p.names["application:"+p.apps[i].AppID] = p.apps[i].Name
	}
	return nil
}

// events looks at what was written to the audit trail, each event once. With what it
// finds of a batch, it stores that it has looked at it.
func (p *pass) events(ctx context.Context) error {
	began, after := p.Now(), ""
	since := earlier(p.run.Events, began.Add(-lateEvents)) // Events is later if a clock was ahead for a while
	seen := make(map[string]bool, len(p.run.Seen))
	for _, id := range p.run.Seen {
		seen[id] = true
	}
	for range maxBatches {
		all, err := p.Store.WatchedEvents(ctx, since, after, batch)
		if err != nil {
			return err
		}
		var fresh []audit.Event
		for _, e := range all {
			if after = e.ID; !seen[e.ID] {
				seen[e.ID] = true
				fresh = append(fresh, e)
			}
		}
		until := began.Add(-lateEvents)
		if len(all) == batch {
			until = earlier(until, writtenAt(after))
		}
		if p.looked(until, seen); len(fresh) == 0 && len(all) < batch {
			return nil // stored with what comes next
		}
		c, err := p.eventChanges(ctx, fresh)
		if err != nil {
			return err
		}
		if err := p.change(ctx, c); err != nil || len(all) < batch {
			return err
		}
	}
	return nil
}

// looked remembers that the events before the time were looked at, and which of those
// after it.
func (p *pass) looked(until time.Time, seen map[string]bool) {
	var ids []string
	for id := range seen {
		if !writtenAt(id).Before(until) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	if n := len(ids) - maxSeen; n > 0 {
		ids = ids[n:]
		until = writtenAt(ids[0])
	}
	if p.run.Seen = ids; until.After(p.run.Events) {
		p.run.Events = until
	}
}

func (p *pass) eventChanges(ctx context.Context, all []audit.Event) (Changes, error) {
	sightings, err := p.Store.Sightings(ctx, Developers(all))
	if err != nil {
		return Changes{}, err
	}
	found, seen := p.settings.Events(all, NewKnown(sightings), p.names)
	return Changes{Findings: found, Seen: seen}, nil
}

// change makes changes in one transaction, and stores how far the run has come.
func (p *pass) change(ctx context.Context, c Changes) error {
	for i := range c.Findings {
		if c.Findings[i].At.IsZero() {
			c.Findings[i].At = p.now
		}
	}
	return p.Store.Change(ctx, p.run, c)
}

// changeSome is change for what the next run would find again: it makes some changes
// at a time, so that no transaction takes long.
func (p *pass) changeSome(ctx context.Context, c Changes) error {
	for first := true; first || !c.empty(); first = false {
		if err := p.change(ctx, Changes{Findings: take(&c.Findings), Resolve: take(&c.Resolve)}); err != nil {
			return err
		}
	}
	return nil
}

// take removes some items and returns them.
func take[T any](all *[]T) []T {
	n := min(len(*all), fewChanges)
	some := (*all)[:n]
	*all = (*all)[n:]
	return some
}

// states finds what holds now, and resolves what does no longer.
func (p *pass) states(ctx context.Context) error {
	found := p.settings.Dates(p.keys, p.now)
	logins, err := p.Store.Refused(ctx, audit.Login, p.now.Add(-p.settings.Window(LoginRefusals)))
	if err != nil {
		return err
	}
	found = append(found, p.settings.Logins(logins, p.now)...)
	requests, hours, err := p.requests(ctx)
	if err != nil {
		return err
	}
	exchanges, err := p.Store.Refused(ctx, audit.TokenMint, p.now.Add(-p.settings.Window(RefusalBurst)))
	if err != nil {
		return err
	}
	found = append(found, p.settings.Refusals(requests, exchanges, p.names, p.now)...)
	found = append(found, p.settings.Volumes(hours, p.names)...)
	active, err := p.Store.ActiveAlerts(ctx)
	if err != nil {
		return err
	}
	mutes, err := p.Store.AlertMutes(ctx)
	if err != nil {
		return err
	}
	return p.changeSome(ctx, p.settings.Reconcile(active, found, mutes, p.gone))
}

// gone reports whether the subject is a key or an application that was deleted.
func (p *pass) gone(subject string) bool {
	_, there := p.names[subject]
	return !there && (strings.HasPrefix(subject, "key:") || strings.HasPrefix(subject, "application:"))
}

// ledgers checks some ledgers, from time to time.
func (p *pass) ledgers(ctx context.Context) error {
	if p.now.Sub(p.run.Ledger).Abs() < ledgerEvery || !p.settings.on(LedgerBroken) {
		return nil
	}
	after := p.run.User
	broken, last, err := p.Store.CheckLedgersAfter(ctx, after, maxEntries, p.Signer)
	if err != nil {
		return err
	}
	p.run.Ledger, p.run.User = p.now, last
	active, err := p.Store.ActiveAlerts(ctx)
	if err != nil {
		return err
	}
	return p.changeSome(ctx, ledgerChanges(active, broken, after, last, p.now))
}

// ledgerChanges is what changes after the ledgers of the users after one, up to last,
// were checked; "" is all that follow.
func ledgerChanges(active []Active, broken map[string]error, after, last string, now time.Time) (c Changes) {
	reported := make(map[string]bool)
	for _, a := range active {
		user, is := strings.CutPrefix(a.Subject, "user:")
		if a.Rule != LedgerBroken || !is {
			continue
		}
		if broken[user] != nil {
			reported[user] = true
		} else if user > after && (last == "" || user <= last) {
			c.Resolve = append(c.Resolve, a.ID)
		}
	}
	for user, how := range broken {
		if !reported[user] {
			c.Findings = append(c.Findings, Finding{
				Rule: LedgerBroken, Subject: "user:" + user, At: now, Link: "/users/" + user + "/access-log",
				Message: fmt.Sprintf("The ledger of who read a user's data is broken: %v. Run openwearables audit verify, and find out who can write to the database.", how),
			})
		}
	}
	return c
}

// writtenAt returns when an event got its id, by the clock of the machine that has
// written it.
func writtenAt(id string) time.Time {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	var ms int64
	for _, b := range u[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
