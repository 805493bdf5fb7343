// Package alert decides what in the installation needs a look, and lets developers
// see, acknowledge and mute it. Its rules are functions of what was read and of the
// time: they read and write nothing.
package alert

import "time"

// States of an alert.
const (
	Open         = "open"
	Acknowledged = "acknowledged" // and its cause lasts
	Resolved     = "resolved"
)

// Kinds of the messages that tell webhooks of an alert. Their data is the Alert in
// JSON.
const (
	OpenedMessage       = "alert.opened"
	AcknowledgedMessage = "alert.acknowledged"
	ResolvedMessage     = "alert.resolved"
)

// Most is how many alerts of one rule are unresolved at most. Findings beyond are
// counted in an alert of the rule TooMany.
const Most = 100

// Alert is something that needs a look. Its JSON is that of the REST API.
type Alert struct {
	ID             string     `json:"id"` // UUIDv7
	Rule           string     `json:"rule"`
	Subject        string     `json:"subject"` // as the audit trail names subjects, or "rule:<rule>", "webhook:<id>" or Installation
	State          string     `json:"state"`
	Message        string     `json:"message"` // of the newest occurrence
	Link           string     `json:"link"`    // a path below /api/v1
	OpenedAt       time.Time  `json:"opened_at"`
	LastSeenAt     time.Time  `json:"last_seen_at"`
	Occurrences    int32      `json:"occurrences"`
	AcknowledgedAt *time.Time `json:"acknowledged_at"`
	AcknowledgedBy *string    `json:"acknowledged_by"`
	ResolvedAt     *time.Time `json:"resolved_at"`
	MutedUntil     *time.Time `json:"muted_until"`
}

// Installation is the subject of what is about no one thing.
const Installation = "installation"

// Finding is what a rule has found about a subject. It opens an alert, or is one
// more occurrence of one that is not resolved.
type Finding struct {
	Rule    string
	Subject string
	Message string // one sentence with figures
	Link    string
	At      time.Time
	Count   int32 // how often it happened; 0 is once
	// Stage grows while the cause of an alert comes closer, and falls if that is put
	// off. A finding of another stage than its alert has resolves that one and opens
	// another.
	Stage int32
}

// News reports whether a finding about the cause of an alert that was last seen at
// the time, in the stage, says anything new. Every event does; a state does once its
// time has moved on.
func (f *Finding) News(lastSeen time.Time, stage int32) bool {
	return rules[f.Rule].event || f.Stage != stage || f.At.After(lastSeen)
}

// Mute keeps a rule from opening alerts about a subject.
type Mute struct {
	Rule    string
	Subject string
	Until   time.Time
}
