package server

import (
	"context"
	"os"
)

// OpenSetup returns a token with which the first developer of the installation is
// created over the network, once and within a day, or "" if there is a developer. It
// ends the token that this process had before a restart. addr is where it listens, by
// which nodes tell their tokens apart.
func (s *Server) OpenSetup(ctx context.Context, addr string) (string, error) {
	if s.config.SQLitePath() != "" {
		return s.auth.Setup.Open(ctx, "alone")
	}
	host, err := os.Hostname()
	if err != nil {
		return "", err
	}
	return s.auth.Setup.Open(ctx, host+" "+addr)
}
