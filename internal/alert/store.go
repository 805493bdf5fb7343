package alert

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
)

// Store keeps alerts, and reads what the rules look at. The rules of auth.Store hold
// for it.
type Store interface {
	Lists
	Facts

	// Claim begins an evaluation, unless another one was begun less than every ago,
	// and reports whether it did. A later claim ends it: Change then fails. since is
	// from when on events count if no evaluation was ever begun, by the clock of this
	// machine.
	Claim(ctx context.Context, every time.Duration, since time.Time) (Run, bool, error)
	// Change makes changes and stores how far the run has come, both or neither. If
	// another run was claimed since, the error is ErrSuperseded.
	Change(ctx context.Context, run Run, c Changes) error
}

// Run is an evaluation, and how far it and those before have come.
type Run struct {
	Number int64
	At     time.Time // when it was claimed
	Began  time.Time // when the first one was

	// All events that were written before Events, by the clocks of the machines, have
	// been looked at, and of those since then the ones with the ids in Seen.
	Events time.Time
	Seen   []string

	Used   time.Time // until when uses of keys were looked at
	Swept  time.Time // when all keys were that were used in two days
	Ledger time.Time // when ledgers were checked
	User   string    // whose ledger was checked last
}

// Application is what the rules look at of an application.
type Application struct {
	AppID     string
	Name      string
	CreatedAt time.Time
}

// Facts are what the rules look at. Lists of subjects have 500 at most.
type Facts interface {
	AlertSettings(ctx context.Context) (Settings, error)
	ActiveAlerts(ctx context.Context) ([]Active, error)
	// OpenAlerts counts the open alerts of each rule that has any.
	OpenAlerts(ctx context.Context) (map[string]int64, error)
	// AlertKeys returns every key, AlertApplications every application.
	AlertKeys(ctx context.Context) ([]Key, error)
	AlertApplications(ctx context.Context) ([]Application, error)
	// WatchedEvents returns the events that rules look for and that were written at
	// the time or later, in the order of their ids: limit at most, after the id.
	WatchedEvents(ctx context.Context, since time.Time, after string, limit int) ([]audit.Event, error)
	// Refused returns how often an action on each subject was refused since the time.
	Refused(ctx context.Context, action string, since time.Time) ([]Refusal, error)
	Sightings(ctx context.Context, subjects []string) ([]Sighting, error)
	// Networks returns the networks from which subjects were used in the days from the
	// one on, and Sighted what there would be of sightings before it: the newest of each
	// subject, most at most.
	Networks(ctx context.Context, subjects []string, from time.Time) (map[string][]NetworkUse, error)
	Sighted(ctx context.Context, subjects []string, before time.Time, most int) ([]Sighting, error)
	// UsedUntil returns when the subject was last used in days up to the one of the
	// time, or nil.
	UsedUntil(ctx context.Context, subject string, until time.Time) (*time.Time, error)
	// RefusedRequests returns the requests of subjects since the time, if as many
	// were refused.
	RefusedRequests(ctx context.Context, subjects []string, since time.Time, least int64) ([]Requests, error)
	// HourRequests returns how many requests the subjects made in each of the hours,
	// where they made as many.
	HourRequests(ctx context.Context, subjects []string, hours []time.Time, least int64) ([]HourCount, error)
	// CheckLedgersAfter checks the ledgers of users after one until it has checked
	// most entries. It returns whose are broken and how, and whose was the last; ""
	// if no other follows.
	CheckLedgersAfter(ctx context.Context, user string, most int64, by audit.Signer) (broken map[string]error, last string, err error)
}

// HourCount is the requests of a subject in the hour that began at the time.
type HourCount struct {
	Subject  string
	At       time.Time
	Requests int64
}
