//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package openwearables

import (
	"errors"
	"os"
)

// tryLock has no lock to take here.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
