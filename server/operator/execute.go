// Package operator is what the commands of the command line do to an
// installation, served or not.
package operator

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/control"
)

// waitBudget is how long a command waits for a process that has the database
// and does not answer yet, since it starts or is another command.
const waitBudget = 5 * time.Second

// Execute carries a command out on the database that config names: of a SQLite
// database in the process that serves it, if there is one, and else in this
// process, so that what the command ends is refused when Execute returns. Only
// control.DeveloperCreate makes a database where there is none. An error is as
// an operator should read it.
func Execute(ctx context.Context, config server.Config, c control.Command) ([]control.Developer, error) {
	config.Auth.SigningAlgorithm = "" // a command leaves it as it is
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

// requireDatabase refuses a command on a database that is not there, which is more
// likely misspelt than meant.
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
	if err == nil && c.EndsCredentials() && config.SQLitePath() == "" && config.Redis == "" {
		time.Sleep(cluster.Lease) // nodes that share Redis were not told, and believe for so long what they proved
	}
	return list, errors.Join(err, s.Close())
}
