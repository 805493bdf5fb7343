package operator

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/openwearables/openwearables/internal/privatefile"
	"github.com/openwearables/openwearables/internal/store"
	"github.com/openwearables/openwearables/server"
	"github.com/openwearables/openwearables/server/control"
)

// UserReference names a user by one of its ids.
type UserReference struct{ ID, ExternalID string }

func openPeople(ctx context.Context, config server.Config) (*store.People, error) {
	if err := requireDatabase(config, control.Command{}); err != nil {
		return nil, err
	}
	return store.OpenPeople(ctx, config.Database, store.Options{Log: config.Log})
}

// find returns the id of the user, and what is stored of it, which is not nothing.
func find(ctx context.Context, people *store.People, who UserReference) (id string, remains []store.Remains, err error) {
	if id, err = people.Find(ctx, who.ID, who.ExternalID); err != nil {
		return "", nil, err
	}
	if remains, err = people.Remains(ctx, id); err == nil && len(remains) == 0 {
		err = fmt.Errorf("nothing is stored of user %s", id)
	}
	return id, remains, err
}

// ExportUser writes every row about a user to w, or into the new file to if that is not
// "", which only its owner may read. A line is a JSON object, {"table": name, "row":
// {column: value}}. The audit trail has it first. The database may be served meanwhile; the rows are those of one
// instant, and few are in memory at once. It leaves no file behind when it fails. It
// returns the number of rows. An error is a message for the operator.
func ExportUser(ctx context.Context, w io.Writer, config server.Config, who UserReference, to string) (n int, err error) {
	people, err := openPeople(ctx, config)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, people.Close()) }()
	id, _, err := find(ctx, people, who)
	if err != nil {
		return 0, err
	}
	export := func(w io.Writer) (int, error) {
		if _, err := Execute(ctx, config, control.Command{Name: control.UserExport, UserID: id}); err != nil {
			return 0, fmt.Errorf("nothing is exported that the audit trail does not have: %w", err)
		}
		return writeRows(ctx, w, people, id)
	}
	if to == "" {
		return export(w)
	}
	f, err := privatefile.Create(to)
	if errors.Is(err, fs.ErrExist) {
		return 0, fmt.Errorf("%s is there already: name a new file", to)
	} else if err != nil {
		return 0, err
	}
	if n, err = export(f); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		err = errors.Join(err, os.Remove(to))
	}
	return n, err
}

func writeRows(ctx context.Context, w io.Writer, people *store.People, id string) (n int, err error) {
	out := bufio.NewWriter(w)
	lines := json.NewEncoder(out)
	err = people.Rows(ctx, id, func(row store.Row) error {
		n++
		return lines.Encode(row)
	})
	return n, errors.Join(err, out.Flush())
}

// removalBudget is how long EraseUser waits while no row is removed.
const removalBudget = time.Minute

// EraseUser deletes a user as Users.Delete does, waits until the data is removed, and
// returns how much is kept, of each table. confirm is asked first, with the user's id;
// its error is returned. If the user was deleted before, EraseUser waits alone. An error
// is a message for the operator.
func EraseUser(ctx context.Context, config server.Config, who UserReference, confirm func(id string) error) (kept []store.Remains, err error) {
	people, err := openPeople(ctx, config)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, people.Close()) }()
	id, remains, err := find(ctx, people, who)
	if err != nil {
		return nil, err
	}
	if remains[0].Table == "users" {
		if err := confirm(id); err != nil {
			return nil, err
		}
		if _, err := Execute(ctx, config, control.Command{Name: control.UserErase, UserID: id}); err != nil {
			return nil, err
		}
	}
	return awaitRemoval(ctx, people, id)
}

// awaitRemoval returns what is kept of a deleted user, once nothing else is left.
func awaitRemoval(ctx context.Context, people *store.People, id string) (kept []store.Remains, err error) {
	var before int64
	for progress := time.Now(); ; {
		remains, err := people.Remains(ctx, id)
		if err != nil {
			return nil, err
		}
		var left int64
		kept = nil
		for _, r := range remains {
			if r.Kept {
				kept = append(kept, r)
			} else {
				left += r.Rows
			}
		}
		switch {
		case left == 0:
			return kept, nil
		case left != before:
			before, progress = left, time.Now()
		case time.Since(progress) > removalBudget:
			return nil, fmt.Errorf("user %s is deleted, and %d rows of its data are still to be removed: the server does that while it runs; "+
				"start it, and run this again to see the end", id, left)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("user %s is deleted, and %d rows of its data are still to be removed: run this again to see the end", id, left)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
