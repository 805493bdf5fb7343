//go:build !unix

package control

import "net"

// listenPrivate listens on a socket that the access list of its folder protects.
func listenPrivate(path string) (net.Listener, error) { return net.Listen("unix", path) }
