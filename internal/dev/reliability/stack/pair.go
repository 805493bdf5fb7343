package stack

import (
	"context"
	"os"
	"path/filepath"

	"github.com/openwearables/openwearables/internal/dev/service"
)

// pair starts a PostgreSQL of the stack's own, with a standby.
func (s *Stack) pair() (err error) {
	folder := filepath.Join(s.folder, "pair")
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	if s.Pair, err = service.NewPostgresPair(folder, !s.Async, "max_connections=200"); err != nil {
		return err
	}
	s.Postgres, s.database = s.Pair.Primary, "trial"
	return s.Postgres.Exec(context.Background(), "postgres", "CREATE DATABASE "+s.database+" TEMPLATE template0")
}

// Promote makes the standby the primary, in place of one that was killed.
func (s *Stack) Promote() error {
	err := s.Pair.Promote()
	s.Postgres = s.Pair.Primary
	return err
}
