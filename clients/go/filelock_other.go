//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package openwearables

import (
	"errors"
	"os"
)

// tryLock fails: file locks are not supported on this platform.
func tryLock(*os.File) (bool, error) { return false, errors.ErrUnsupported }
