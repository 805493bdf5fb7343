package server

import (
	"errors"
	"fmt"

	"github.com/gofrs/flock"
)

// ErrInUse means that another process has the SQLite database.
var ErrInUse = errors.New("another openwearables process is using this database")

// LockDatabase locks the SQLite file at path for this process until unlock is
// called. It returns ErrInUse if another process has the lock. An empty path
// locks nothing.
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
