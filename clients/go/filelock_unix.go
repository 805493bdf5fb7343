//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package openwearables

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes the lock that closing f, or the end of the process, gives back.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
