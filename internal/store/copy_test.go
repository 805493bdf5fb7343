package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/event"
)

// populate writes rows of every table, with and without what is optional.
func (s *Store) populate(t *testing.T) {
	t.Helper()
	for _, set := range []bool{true, false} {
		d, u := fill[auth.StoredDeveloper](set), fill[auth.User](set)
		session := fill[auth.StoredSession](set)
		session.DeveloperID, session.UserID = "", u.ID
		r := fill[auth.ReplayRecord](set)
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertDeveloper(ctx, d), tx.SawAddress(ctx, d.ID, "192.0.2.1", epoch), tx.InsertUser(ctx, u),
				tx.InsertSession(ctx, session), tx.InsertKey(ctx, fill[auth.StoredKey](set)),
				tx.InsertApplication(ctx, fill[auth.StoredApplication](set)), tx.PutReplay(ctx, r),
				tx.PutSigningKey(ctx, fill[auth.StoredSigningKey](set)), tx.InsertInvitation(ctx, fill[auth.StoredInvitation](set)),
				tx.PutMirrorTask(ctx, fill[auth.MirrorTask](set)), tx.PutImported(ctx, fill[auth.Imported](set)),
				tx.PutPairingCode(ctx, fill[auth.StoredPairingCode](set)),
				tx.Record(ctx, fill[audit.Event](set)))
		})
		var ws []event.Workout
		for i := range 300 {
			w := fill[event.Workout](set)
			w.ExternalID = fmt.Sprint(i)
			ws = append(ws, w)
		}
		must(s.UpsertWorkouts(t.Context(), u.ID, ws, event.Quota{}, newEvent("user:u")))(t)
		if err := s.AppendAccess(t.Context(), []audit.Access{fill[audit.Access](set), fill[audit.Access](set)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SignHeads(t.Context(), epoch, testSigner{}); err != nil {
		t.Fatal(err)
	}
	s.addUsage(t, used(auth.APIKey, "key_1", epoch, 3))
	s.addWebhook(t, "https://example.com")
	s.queueWebhooks(t, auth.WebhookAlertOpened, 3)
	s.populateAlerts(t)
	must(s.SetMeta(t.Context(), "name", "value"))(t)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.RecountUsers(ctx) })
	err := s.do(t.Context(), func(ctx context.Context, t *tx) error { return t.leaveRest(ctx, auth.SessionFilter{AppID: "app_1"}) })
	if err != nil {
		t.Fatal(err)
	}
	deleted := s.addUser(t)
	s.giveWorkouts(t, deleted.ID, removalBatch+1)
	s.deleteUser(t, deleted.ID) // and what is left of it
}

// contents are the rows of a table as text, in some order that is always the
// same.
func (s *Store) contents(t *testing.T, table string) []string {
	t.Helper()
	rows := must(s.pools.readers.QueryContext(t.Context(), "SELECT * FROM "+table))(t)
	defer rows.Close()
	columns := must(rows.Columns())(t)
	var all []string
	for rows.Next() {
		values, into := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if yes, ok := v.(bool); ok { // SQLite has numbers
				values[i] = map[bool]int64{false: 0, true: 1}[yes]
			}
		}
		all = append(all, fmt.Sprintf("%q", values))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

func TestCopyHoldsEveryRow(t *testing.T) {
	t.Parallel()
	from, to := sqliteDSN(t), dsns["postgres"](t)
	source := openStore(t, from, Options{})
	source.populate(t)
	copied := must(Copy(t.Context(), from, to, Options{}))(t)
	target := openStore(t, to, Options{})
	for _, c := range copied {
		want := source.contents(t, c.Table)
		if int(c.Rows) != len(want) || len(want) == 0 {
			t.Errorf("%s: %d copied of %d", c.Table, c.Rows, len(want))
		}
		if got := target.contents(t, c.Table); !slices.Equal(got, want) {
			t.Errorf("%s:\ngot  %s\nwant %s", c.Table, got, want)
		}
	}
	rows := must(source.pools.readers.QueryContext(t.Context(), "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('migrations', 'windows', 'nodes', 'setup_tokens') AND name NOT GLOB 'user_*'"))(t)
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(copied, func(c Copied) bool { return c.Table == name }) {
			t.Errorf("%s was not copied", name)
		}
	}
	if _, err := Copy(t.Context(), from, to, Options{}); err == nil || !strings.Contains(err.Error(), "not empty") {
		t.Errorf("a second copy: %v", err)
	}
	wantEqual(t, len(target.contents(t, "users")), 2)
	checkSearchIndex(t, target, 2)
}

// What cannot be copied whole is not copied at all.
func TestCopyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	from, to := sqliteDSN(t), dsns["postgres"](t)
	source := openStore(t, from, Options{})
	source.populate(t)
	target := openStore(t, to, Options{})
	for name, spoil := range map[string]string{
		"refused": "ALTER TABLE workouts ADD CONSTRAINT spoilt CHECK (external_id <> '200')",
		"altered": "CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.type := 'x'; RETURN NEW; END $$;" +
			" CREATE TRIGGER spoilt BEFORE INSERT ON workouts FOR EACH ROW EXECUTE FUNCTION spoil()",
	} {
		if _, err := target.pools.writer.ExecContext(t.Context(), spoil); err != nil {
			t.Fatal(err)
		}
		if _, err := Copy(t.Context(), from, to, Options{}); err == nil || !strings.Contains(err.Error(), "workouts") {
			t.Errorf("%s: %v", name, err)
		}
		for _, table := range tables {
			wantEqual(t, count(t, target, table), 0)
		}
		unspoil := "ALTER TABLE workouts DROP CONSTRAINT IF EXISTS spoilt; DROP TRIGGER IF EXISTS spoilt ON workouts"
		if _, err := target.pools.writer.ExecContext(t.Context(), unspoil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Copy(t.Context(), to, from, Options{}); err == nil {
		t.Error("copied the other way")
	}
	must(Copy(t.Context(), from, to, Options{}))(t)
}
