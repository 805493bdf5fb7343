package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/gofrs/flock"

	"github.com/openwearables/openwearables/internal/privatefile"
)

// lockSuffix follows the path of the database in the name of the lock file.
const lockSuffix = ".lock"

// ErrInUse means that another process has the SQLite database.
var ErrInUse = errors.New("another openwearables process is using this database")

// LockDatabase locks the SQLite file at path for this process until unlock is
// called. It returns ErrInUse if another process has the lock. An empty path
// locks nothing.
func LockDatabase(path string) (unlock func() error, err error) {
	if path == "" {
		return func() error { return nil }, nil
	}
	name := path + lockSuffix
	checked, err := privatefile.Ensure(name)
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", path, err)
	}
	lock := flock.New(name, flock.SetFlag(os.O_RDWR)) // creates nothing
	held, err := lock.TryLock()
	if err == nil && held {
		err = sameFile(checked, lock)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", path, errors.Join(err, lock.Close()))
	}
	if !held {
		return nil, fmt.Errorf("%w: stop it, or use another --database than %s", ErrInUse, path)
	}
	return lock.Unlock, nil
}

// sameFile returns an error unless the lock is on the file that was checked.
func sameFile(checked fs.FileInfo, lock *flock.Flock) error {
	locked, err := lock.Stat()
	if err == nil && !os.SameFile(checked, locked) {
		err = fmt.Errorf("%s was replaced meanwhile: find out who did", lock.Path())
	}
	return err
}
