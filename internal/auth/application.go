package auth

import (
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Application is a client of the account that exchanges a secret for tokens of
// its users.
type Application struct {
	ID        string // UUID
	AppID     string // "app_...", what it presents
	Name      string
	CreatedAt time.Time
}

// StoredApplication is an application with the keyed hashes of its secrets.
type StoredApplication struct {
	Application
	Hash              credential.Hash
	PreviousHash      *credential.Hash
	PreviousExpiresAt *time.Time
}

// NewApplication is an application with its secret, which is shown only once.
type NewApplication struct {
	Application Application
	Secret      string
}

// admits reports, in constant time, whether the secret is one of the
// application's at the instant.
func (a *StoredApplication) admits(h credential.Hash, now time.Time) bool {
	newest := h.Equal(a.Hash)
	older := a.PreviousHash != nil && h.Equal(*a.PreviousHash) && now.Before(*a.PreviousExpiresAt)
	return newest || older
}

// checkRename checks the name of an application, and trims it.
func checkRename(name *Change[string]) error {
	var v problem.Check
	refuseNull(&v, "name", *name)
	checkName(&v, "name", name)
	return v.Err()
}

func applicationError(err error) error {
	if errors.Is(err, problem.ErrNotFound) {
		return problem.NotFoundError("Application")
	}
	return err
}
