//go:build unix

package control

import (
	"net"
	"syscall"
)

// listenPrivate listens on a socket that is open to this user only, from the
// moment it exists. The mode is never changed by name, since the name could be
// another file by then.
func listenPrivate(path string) (net.Listener, error) {
	old := syscall.Umask(0o177)
	defer syscall.Umask(old)
	return net.Listen("unix", path)
}
