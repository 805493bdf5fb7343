//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package openwearables

import (
	"errors"
	"os"
	"syscall"
)

// tryLock tries to take an exclusive lock on f and reports whether it did. Closing f
// or the end of the process releases the lock.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
