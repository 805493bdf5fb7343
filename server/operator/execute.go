// Package operator implements the commands of the command line on an
// installation, whether it is served or not.
package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/control"
)

// waitBudget limits how long a command waits for a process that has the database
// but does not listen yet: a server that starts, or another command.
const waitBudget = 5 * time.Second

// Execute executes a command on the database of config. If a process serves that
// SQLite database, the command goes there, else it runs in this process. When
// Execute returns, the credentials that the command ends are refused everywhere.
// Only control.DeveloperCreate creates a missing database. Errors are messages
// for the operator.
func Execute(ctx context.Context, config server.Config, c control.Command) ([]control.Developer, error) {
	config.Auth.SigningAlgorithm = "" // a command does not change it
	config.Command = true
	if err := requireDatabase(config, c); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(waitBudget); ; {
		list, err := attempt(ctx, config, c)
		if !errors.Is(err, control.ErrNoAnswer) || time.Now().After(deadline) {
			return list, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// requireDatabase refuses a command on a missing database: its path is probably
// misspelt.
func requireDatabase(config server.Config, c control.Command) error {
	path := config.SQLitePath()
	if path == "" || c.Name == control.DeveloperCreate {
		return nil
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database at %s: name it with --database, or make it with developer create or serve", path)
	}
	return nil
}

func attempt(ctx context.Context, config server.Config, c control.Command) ([]control.Developer, error) {
	s, err := server.New(ctx, config)
	if errors.Is(err, server.ErrInUse) {
		list, err := control.Send(ctx, control.SocketPath(config.SQLitePath()), c)
		if errors.Is(err, control.ErrNoAnswer) {
			err = fmt.Errorf("%w: %w", server.ErrInUse, err)
		}
		return list, err
	} else if err != nil {
		return nil, err
	}
	list, err := c.Execute(ctx, s.Auth())
	if err == nil && c.Name == control.UserErase {
		err = s.RemoveDeleted(ctx)
	}
	if err == nil {
		time.Sleep(lag(config, c))
	}
	return list, errors.Join(err, s.Close())
}

// leaseMargin allows for clocks that do not run equally fast.
const leaseMargin = 100 * time.Millisecond

// lag returns how long after the command nodes may still accept what it ended:
// those on another Redis than the command's, or without one, got no notice.
func lag(config server.Config, c control.Command) time.Duration {
	switch {
	case config.SQLitePath() != "":
		return 0
	case c.Name == control.SigningKeyRevoke: // nodes read the keys again, then what they cached expires
		return auth.SigningKeysFor + cluster.Lease
	case c.EndsCredentials():
		return cluster.Lease + leaseMargin
	default:
		return 0
	}
}
