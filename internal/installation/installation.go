// Package installation tells developers what they run, what is wrong with it, and
// how much it holds.
package installation

import (
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// Installation is the nodes that share one database, as one of them sees it. It
// holds no secret, no path and no address of a database.
type Installation struct {
	Version    string
	APIVersion string
	Database   string // "sqlite" or "postgres"
	Redis      bool   // the nodes share one
	Nodes      int32
	Limits     []Limit
	Settings   []Setting

	SigningAlgorithm string
	SigningKeys      []auth.SigningKey
	Findings         []Finding // the worst first
	CheckedAt        time.Time
}

// Limit bounds requests in a time, or how much there may be.
type Limit struct {
	Name          string
	Limit         int64
	WindowSeconds *int32 // nil: how much there may be
	Flag          string
}

// Setting is a number that an operator chose, or its default.
type Setting struct {
	Name  string
	Value *int64 // nil: without end
	Unit  string
	Flag  string
}

// The units of settings.
const (
	Seconds    = "seconds"
	Characters = "characters"
)

// Finding is one thing that is wrong.
type Finding struct {
	Severity string
	Message  string // what it is and what to change
}

// The severities of findings.
const (
	Error   = "error"   // something is unsafe, or written data could be lost
	Warning = "warning" // a setting is probably a mistake
)

// Stats is how much an installation holds.
type Stats struct {
	Users, Workouts                int64
	Keys, Applications, Developers int64
	OpenAlerts                     int64 // neither acknowledged nor resolved
}
