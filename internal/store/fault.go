package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// uniques names the unique columns that the domain answers for.
var uniques = map[string]string{
	"developers.email_folded": "email",
	"users.email_folded":      "email",
	"users.external_user_id":  "external_user_id",
}

var errClosed = errors.New("store: closed")

// domain turns an error of the driver into one of the domain's: ErrNotFound, a
// TakenError, Unavailable for what passes, and otherwise itself, wrapped.
func (e engine) domain(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return auth.ErrNotFound
	case isDomain(err):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, driver.ErrBadConn), errors.Is(err, sql.ErrConnDone),
		errors.Is(err, errClosed), isClosed(err):
		return auth.UnavailableError(err)
	}
	switch kind, column := e.fault(err); kind {
	case passing, contended:
		return auth.UnavailableError(err)
	case orphaned:
		return auth.ErrNotFound
	case taken:
		if name, ok := uniques[column]; ok {
			return &auth.TakenError{Column: name}
		}
	}
	return fmt.Errorf("store: %w", err)
}

// isClosed knows the error of a pool that was closed, which has no name.
func isClosed(err error) bool { return strings.Contains(err.Error(), "sql: database is closed") }

func isDomain(err error) bool {
	_, ok := errors.AsType[*auth.Error](err)
	return ok || errors.Is(err, auth.ErrNotFound) || errors.Is(err, auth.ErrTaken)
}

func (fault faulter) contended(err error) bool {
	kind, _ := fault(err)
	return kind == contended
}

// patience is how long a start waits for another process that migrates.
const patience = 30 * time.Second

// patiently calls f again for as long as another writer holds the database,
// until patience ends.
func (fault faulter) patiently(ctx context.Context, f func() error) error {
	for end := time.Now().Add(patience); ; {
		err := f()
		if err == nil || !fault.contended(err) || time.Now().After(end) {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
