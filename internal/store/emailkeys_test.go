package store

import (
	"bytes"
	"context"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/cases"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/problem"
)

const (
	insertOldDeveloper = "INSERT INTO developers (id, email, email_folded, created_at, updated_at, password_hash, disabled) " +
		"VALUES (?, ?, ?, ?, 0, 'hash', FALSE)"
	insertOldUser = "INSERT INTO users (id, email, email_folded, created_at, has_active_connection, search) VALUES (?, ?, ?, ?, FALSE, ' ')"
)

// fillWithOldEmails makes a database as it was before the keys of addresses were
// renewed, with the emails in both tables, the oldest first. It returns the ids, which
// are the same in both.
func fillWithOldEmails(t *testing.T, dsn string, emails []string) []string {
	t.Helper()
	e, rest, err := engineOf(dsn)
	if err != nil {
		t.Fatal(err)
	}
	p := must(e.open(t.Context(), rest))(t)
	defer p.close()
	before := slices.IndexFunc(migrations, func(m migration) bool { return steps[m.name] != nil })
	must(e.migrateAll(t.Context(), p.writer, migrations[:before], time.Now))(t)
	ids := make([]string, len(emails))
	for i, email := range emails {
		ids[i] = uuid.NewString()
		for _, insert := range []string{insertOldDeveloper, insertOldUser} {
			if _, err := p.writer.ExecContext(t.Context(), e.arguments(insert), ids[i], email, cases.Fold().String(email), i); err != nil {
				t.Fatal(err)
			}
		}
	}
	return ids
}

// Addresses that are not ASCII get new keys, and no row is lost: one whose address
// another row has too is found as it is written.
func TestEmailKeysAreRenewed(t *testing.T) {
	t.Parallel()
	emails := []string{
		"a@stra\u00dfe.de", "x@\ufb00.de", "x@\uff46\uff46.de", "Plain@Example.com", "z\u00e9@example.com", "b@xn--strae-oqa.de", "B@stra\u00dfe.de",
		"odd@exa\u00a0mple.com", "x@ff.com",
	}
	found := map[string]string{ // by what is typed: the email of the row
		"A@STRA\u1e9eE.de": emails[0], "a@xn--strae-oqa.de": emails[0], "a@strasse.de": "",
		"x@ff.de": emails[1], emails[1]: emails[1], "X@\ufb00.de": emails[1],
		emails[2]: emails[2], "X@\uff46\uff46.de": emails[1], "  " + emails[2] + " ": emails[2],
		"plain@EXAMPLE.com": emails[3], " plain@example.com ": emails[3], "Z\u00c9@example.com": emails[4], "ze\u0301@example.com": emails[4],
		"b@XN--strae-oqa.de": emails[5], "b@stra\u00dfe.de": emails[5], "B@stra\u00dfe.de": emails[6], emails[7]: emails[7], emails[8]: emails[8],
	}
	for name, dsn := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := dsn(t)
			ids := fillWithOldEmails(t, at, emails)
			var log bytes.Buffer
			s := openStore(t, at, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
			check := func() {
				t.Helper()
				for typed, email := range found {
					d, err := s.DeveloperByEmail(t.Context(), typed)
					if d.Email != email || err != nil && (email != "" || err != problem.ErrNotFound) {
						t.Errorf("%q finds the developer %q (%v), want %q", typed, d.Email, err, email)
					}
					users, _, err := s.Users(t.Context(), auth.UserQuery{SortBy: "created_at", Limit: 10, Email: auth.EmailKeys(typed)})
					if err != nil || email != "" && !slices.ContainsFunc(users, func(u auth.User) bool { return *u.Email == email }) || email == "" && len(users) > 0 {
						t.Errorf("%q finds %d users (%v), want %q", typed, len(users), err, email)
					}
				}
			}
			check()
			for _, i := range []int{2, 6} {
				if !strings.Contains(log.String(), ids[i]) {
					t.Errorf("the log does not name %s: %s", ids[i], log.String())
				}
			}
			if strings.Contains(log.String(), "@") || strings.Count(log.String(), "\n") != 4 {
				t.Errorf("the log is %s", log.String())
			}
			s.write(t, func(ctx context.Context, tx auth.Tx) error { // every row can still be changed
				for _, id := range ids {
					d, u := must(tx.Developer(ctx, id))(t), must(tx.User(ctx, id))(t)
					d.FirstName, u.FirstName = ptr("Ada"), ptr("Ada")
					if err := tx.UpdateDeveloper(ctx, d); err != nil {
						return err
					}
					if err := tx.UpdateUser(ctx, u); err != nil {
						return err
					}
				}
				return nil
			})
			check()
			err := s.try(func(ctx context.Context, tx auth.Tx) error {
				d := must(tx.Developer(ctx, ids[2]))(t)
				d.Email = "x@ff.de"
				return tx.UpdateDeveloper(ctx, d)
			})
			wantError(t, err, problem.ErrTaken)
			wantEqual(t, len(must(Migrate(t.Context(), at, Options{}))(t)), 0)
		})
	}
}
