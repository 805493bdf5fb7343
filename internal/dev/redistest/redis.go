// Package redistest starts real Redis servers for tests.
package redistest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// Server is a Redis server of one test, at an address of its own, in a folder of
// its own. It is stopped when the test ends.
type Server struct {
	*service.Redis
	t testing.TB
}

// Start starts a server with the arguments beside the usual ones. The test fails if
// Redis is not installed.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	r, err := service.NewRedis(t.TempDir(), args...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Kill)
	return &Server{r, t}
}

// URL returns the URL of the server, as --redis takes it.
func (s *Server) URL() string { return "redis://" + s.Addr() }

// Start starts the server again after Kill, at the same address and in the same
// folder.
func (s *Server) Start() {
	s.t.Helper()
	if err := s.Up(); err != nil {
		s.t.Fatal(err)
	}
}

// Do sends one command and returns the reply as text.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: s.Addr()})
	defer func() { _ = c.Close() }()
	list := make([]any, len(args))
	for i, a := range args {
		list[i] = a
	}
	answer, err := c.Do(context.Background(), list...).Result()
	if err != nil {
		s.t.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
	return fmt.Sprint(answer)
}

// StartCluster starts a cluster that is stopped when the test ends.
func StartCluster(t testing.TB) *service.RedisCluster {
	t.Helper()
	c, err := service.NewRedisCluster(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c
}
