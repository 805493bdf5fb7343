package auth

import (
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// AppCredentials is what an application presents; "" is absent.
type AppCredentials struct{ AppID, AppSecret string }

// Application is a client of the account that exchanges a secret for tokens of
// its users.
type Application struct {
	ID        string // UUID
	AppID     string // "app_...", what it presents
	Name      string
	CreatedAt time.Time

	PreviousExpiresAt *time.Time // when the older secret ends, while it lives
	PreviousUse
}

// Overlap returns the overlap with the older secret, nil if none lives.
func (a *Application) Overlap() *Overlap { return a.PreviousUse.of(a.PreviousExpiresAt) }

// CountPrevious adds uses of the older secret, if it is the one that they are of. It
// reports whether it is.
func (a *StoredApplication) CountPrevious(of OlderSecret, u SecretUse) bool {
	return countPrevious(&a.PreviousUse, a.PreviousExpiresAt, of, u)
}

// StoredApplication is an application with the keyed hashes of its secrets.
type StoredApplication struct {
	Application
	Hash         credential.Hash
	PreviousHash *credential.Hash // set while PreviousExpiresAt is
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
