package openwearables

import (
	"sync"

	"connectrpc.com/connect"
)

// link is what the generated client of a service calls with.
type link struct {
	http    connect.HTTPClient
	base    string
	options connect.ClientOption
}

// stub holds the generated client of one service, of type T. It is made with the first
// call, so that an app links the services that it calls, and no other. Safe for concurrent
// use.
type stub[T any] struct {
	once   sync.Once
	client T
}

// on returns the client, which create makes for the link.
func (s *stub[T]) on(l *link, create func(connect.HTTPClient, string, ...connect.ClientOption) T) T {
	s.once.Do(func() { s.client = create(l.http, l.base, l.options) })
	return s.client
}
