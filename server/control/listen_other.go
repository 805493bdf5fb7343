//go:build !unix

package control

import "net"

// listenPrivate listens on a socket whose folder's access list protects it.
func listenPrivate(path string) (net.Listener, error) { return net.Listen("unix", path) }
