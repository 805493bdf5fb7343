package server

import (
	"errors"
	"fmt"

	"github.com/gofrs/flock"
)

// ErrInUse means that another process serves the database.
var ErrInUse = errors.New("another openwearables process is using this database")

// LockDatabase makes this process the only one to use the SQLite file at path,
// until unlock is called. A path of "" locks nothing.
func LockDatabase(path string) (unlock func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", path+".lock", err)
	}
	if !held {
		return nil, fmt.Errorf("%w: stop it, or use another --database than %s", ErrInUse, path)
	}
	return lock.Unlock, nil
}
