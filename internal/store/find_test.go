package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

// A row is the same whether it is read by a held connection or in a transaction.
func TestFindReadsWhatTransactionsRead(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		s.unhurried().populate(t)
		users, _, err := s.Users(t.Context(), auth.UserQuery{SortBy: "created_at", Limit: 100})
		if err != nil || len(users) < 2 {
			t.Fatalf("%d users, %v", len(users), err)
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			for _, u := range users {
				wantEqual(t, must(s.User(ctx, u.ID))(t), must(tx.User(ctx, u.ID))(t))
			}
			return nil
		})
		_, err = s.User(t.Context(), "nobody")
		wantError(t, err, problem.ErrNotFound)
	})
}

// While no held connection comes free, a read ends in time, the reads of one request
// together, and a caller who has gone does not wait.
func TestFindEndsInTime(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		held := s.backend.(*file).held
		var all []*heldConn
		for range cap(held.free) {
			all = append(all, must(held.take(t.Context(), longest))(t))
		}
		request := WithBudget(t.Context())
		inTime(t, "two reads of one request", func() {
			for range 2 {
				_, err := s.User(request, u.ID)
				wantUnavailable(t, err)
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Millisecond, cancel)
		if _, err := s.User(ctx, u.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who has gone: %v", err)
		}
		for _, c := range all {
			held.put(c, true)
		}
		wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
		if _, err := s.User(ctx, u.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller who had gone before: %v", err)
		}
	})
}

// A held connection on which a statement failed is replaced.
func TestFindRecovers(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		u := s.unhurried().addUser(t)
		f := s.backend.(*file)
		for range 2 * cap(f.held.free) {
			if err := f.find(t.Context(), &prepared{text: "SELECT nothing"}, nil, reflect.Value{}); err == nil {
				t.Fatal("a statement that is none succeeded")
			}
		}
		var open int
		for range cap(f.held.free) {
			c := <-f.held.free
			if c.Conn != nil {
				open++
			}
			f.held.free <- c
		}
		if open > 0 {
			t.Errorf("%d connections are kept on which a statement failed", open)
		}
		wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
	})
}

// A close waits for the reads under way, and refuses later ones.
func TestFindAfterClose(t *testing.T) {
	t.Parallel()
	s := openStore(t, sqliteDSN(t), Options{}).unhurried()
	u := s.addUser(t)
	var readers sync.WaitGroup
	for range 8 {
		readers.Go(func() {
			for {
				_, err := s.User(t.Context(), u.ID)
				if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Unavailable {
					return
				}
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
}

// A held connection is not told to stop: what it finds must be found by an index.
func TestFindSearchesAnIndex(t *testing.T) {
	onSQLite(t, func(t *testing.T, s *Store) {
		m := s.reader.mapper
		known := map[string]*prepared{
			"alertByID": preparedFor(m, alertByID, ""), "applicationByAppID": preparedFor(m, applicationByAppID, ""),
			"applicationByHash": preparedFor(m, applicationByHash, ""), "counterByName": preparedFor(m, counterByName, ""),
			"developerByID": preparedFor(m, developerByID, ""), "developerByEmail": preparedFor(m, developerByEmail, ""),
			"addressSeen": preparedFor(m, addressSeen, ""),
			"importByID":  preparedFor(m, importByID, ""), "invitationImport": preparedFor(m, invitationImport, ""),
			"mirrorTaskByID": preparedFor(m, mirrorTaskByID, ""), "pairingByHash": preparedFor(m, pairingByHash, ""), "pairingByUser": preparedFor(m, pairingByUser, ""),
			"invitationByID": preparedFor(m, invitationByID, ""), "invitationByHash": preparedFor(m, invitationByHash, ""),
			"openInvitation": preparedFor(m, openInvitation, ""), "keyByID": preparedFor(m, keyByID, ""),
			"keyByHash": preparedFor(m, keyByHash, ""), "metaByName": preparedFor(m, metaByName, ""),
			"replayByID": preparedFor(m, replayByID, ""), "sessionByID": preparedFor(m, sessionByID, ""),
			"setupTokenByHash": preparedFor(m, setupTokenByHash, ""), "usageByUser": preparedFor(m, usageByUser, ""),
			"userByID": preparedFor(m, userByID, ""), "webhookEndpointByID": preparedFor(m, webhookEndpointByID, ""),
		}
		for _, name := range foundBy(t) {
			if strings.HasPrefix(name, "window") { // of PostgreSQL alone
				continue
			}
			p := known[name]
			if p == nil {
				t.Errorf("add %s to this test", name)
				continue
			}
			for _, step := range s.plan(t, p.text) {
				if strings.HasPrefix(step, "SCAN") {
					t.Errorf("%s: %s", name, step)
				}
			}
		}
	})
}

// foundBy returns the names of the statements that find a row.
func foundBy(t *testing.T) (names []string) {
	t.Helper()
	finds := regexp.MustCompile(`[^.\w]find(?:Locked)?\(ctx, [&.\w]+, (\w+)[,)]`)
	for _, file := range must(filepath.Glob("*.go"))(t) {
		if strings.HasSuffix(file, "_test.go") || file == "statement.go" {
			continue
		}
		for _, m := range finds.FindAllStringSubmatch(string(must(os.ReadFile(file))(t)), -1) {
			names = append(names, m[1])
		}
	}
	if len(names) < 20 {
		t.Fatalf("only %d statements", len(names))
	}
	return names
}

// plan returns the steps by which SQLite runs a query.
func (s *Store) plan(t *testing.T, query string) (steps []string) {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	rows := must(s.pools.readers.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, args...))(t)
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil || len(steps) == 0 {
		t.Fatalf("%s: %d steps, %v", query, len(steps), err)
	}
	return steps
}
