package store

import (
	"context"
	"time"
)

// alertFinding is what opens an alert.
type alertFinding struct {
	Rule    string
	Subject string
	Message string
	Link    string
	At      time.Time
}

// endAlertsOf resolves the alerts about a subject that is gone.
func (t *tx) endAlertsOf(context.Context, string) error { return nil }

// openAlert opens an alert.
func openAlert(context.Context, *tx, alertFinding) error { return nil }
