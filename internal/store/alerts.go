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

// openAlert opens an alert.
func openAlert(context.Context, *tx, alertFinding) error { return nil }
