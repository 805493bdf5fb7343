package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
)

// uniques maps the unique columns that the domain reports as taken to their
// names there.
var uniques = map[string]string{
	"developers.email_folded": "email",
	"users.email_folded":      "email",
	"users.external_user_id":  "external_user_id",

	// Primary keys of what may come from elsewhere, by two nodes at once: as SQLite names
	// them, and PostgreSQL.
	"developers.id": "id", "developers.pkey": "id",
	"users.id": "id", "users.pkey": "id",
	"sessions.id": "id", "sessions.pkey": "id",
	"api_keys.id": "id", "api_keys.pkey": "id",
	"applications.app_id": "app_id", "applications.pkey": "app_id",
}

var (
	errClosed     = errors.New("store: closed")
	errAbsent     = errors.New("store: no connection to the database")
	errUnstorable = errors.New("store: a text that not every database can hold")
	errLost       = errors.New("store: the transaction was lost")
	errUncertain  = errors.New("store: the connection was lost while committing")
	errSkewed     = errors.New("store: the clocks of this machine and of the database differ by more than 20 seconds")
	errAborted    = errors.New("store: the database undid a transaction instead of committing it")
)

// transientErrors become Unavailable: the same call may succeed later.
var transientErrors = []error{
	context.Canceled, context.DeadlineExceeded, driver.ErrBadConn, sql.ErrConnDone,
	errClosed, errAbsent, errNoTurn, errLost, errUncertain, errAborted, errSkewed,
}

// domainError translates an error of the driver: to problem.ErrNotFound, a
// problem.TakenError, Unavailable for a transient fault, or else the error
// itself, wrapped. It leaves errors of the domain as they are.
func (e engine) domainError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return problem.ErrNotFound
	case isDomainError(err):
		return err
	case errors.Is(err, errUnstorable):
		return &problem.Error{Kind: problem.Invalid, Reason: "invalid_request", Detail: "A text holds a character that cannot be stored", Cause: err}
	case slices.ContainsFunc(transientErrors, func(known error) bool { return errors.Is(err, known) }), isClosed(err):
		return problem.UnavailableError(err)
	}
	switch kind, column := e.classify(err); kind {
	case transient, contended:
		return problem.UnavailableError(err)
	case dangling:
		return problem.ErrNotFound
	case unstorable:
		return e.domainError(fmt.Errorf("%w: %w", errUnstorable, err))
	case taken:
		if name, ok := uniques[column]; ok {
			return &problem.TakenError{Column: name}
		}
	}
	return fmt.Errorf("store: %w", err)
}

// isClosed reports whether the pool was closed. database/sql has no exported
// error for that.
func isClosed(err error) bool { return strings.Contains(err.Error(), "sql: database is closed") }

func isDomainError(err error) bool {
	_, ok := errors.AsType[*problem.Error](err)
	return ok || errors.Is(err, problem.ErrNotFound) || errors.Is(err, problem.ErrTaken)
}

func (classify classifier) contended(err error) bool {
	kind, _ := classify(err)
	return kind == contended
}

// startTimeout limits how long a start retries while other transactions hold
// what it needs.
const startTimeout = 30 * time.Second

// retry calls f again while another transaction is in its way, for startTimeout
// at most. The pauses grow to a second, so that the others can finish.
func (classify classifier) retry(ctx context.Context, f func() error) error {
	pause := 10 * time.Millisecond
	for end := time.Now().Add(startTimeout); ; pause = min(2*pause, time.Second) {
		err := f()
		if err == nil || !classify.contended(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
