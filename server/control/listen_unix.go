//go:build unix

package control

import (
	"net"
	"os"
	"syscall"
)

// listenPrivate listens on a socket that is open to this user only, from the
// moment it exists.
func listenPrivate(path string) (net.Listener, error) {
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	return l, os.Chmod(path, 0o600)
}
