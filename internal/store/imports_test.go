package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

func TestImportsAreKept(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		first, second := s.addUser(t), auth.User{ID: uuid.NewString(), Email: new("Ünser@Example.com"), ExternalUserID: new("e"), CreatedAt: epoch}
		of := func(id string, digest byte) auth.Imported {
			return auth.Imported{Kind: auth.ImportedUser, ID: id, Digest: credential.Hash{digest}}
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertUsers(ctx, []auth.User{second}), tx.InsertUsers(ctx, nil), tx.InsertSessions(ctx, nil), tx.PutImported(ctx),
				tx.PutImported(ctx, of(first.ID, 1), of(second.ID, 2)),
				tx.PutImported(ctx, auth.Imported{Kind: auth.ImportedKey, ID: second.ID, Secret: "x"}))
		})
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.PutImported(ctx, of(second.ID, 3)) })
		all := must(s.ImportedAfter(t.Context(), auth.ImportedUser, "", 10))(t)
		if len(all) != 2 || all[0].ID > all[1].ID {
			t.Fatalf("%+v", all)
		}
		wantEqual(t, len(must(s.ImportedAfter(t.Context(), auth.ImportedUser, all[0].ID, 10))(t)), 1)
		wantEqual(t, len(must(s.ImportedAfter(t.Context(), auth.ImportedUser, "", 1))(t)), 1)
		wantEqual(t, must(s.ImportedOf(t.Context(), auth.ImportedUser, []string{second.ID, "none"}))(t)[0], of(second.ID, 3))
		wantEqual(t, must(s.Imported(t.Context(), auth.ImportedKey, second.ID))(t).Secret, "x")
		for name, like := range map[string][]auth.User{
			"id":          must(s.UsersLike(t.Context(), []string{second.ID}, nil, nil))(t),
			"email":       must(s.UsersLike(t.Context(), []string{""}, auth.EmailKeys("ünSER@example.com"), nil))(t),
			"external id": must(s.UsersLike(t.Context(), []string{""}, nil, []string{"e"}))(t),
		} {
			if len(like) != 1 || like[0].ID != second.ID {
				t.Errorf("by %s: %+v", name, like)
			}
		}
		// Of a deleted user no digest of its name and email is left.
		s.deleteUser(t, second.ID)
		wantEqual(t, must(s.Imported(t.Context(), auth.ImportedUser, second.ID))(t), of(second.ID, 0))
		if _, err := s.Imported(t.Context(), auth.ImportedUser, "none"); !errors.Is(err, problem.ErrNotFound) {
			t.Error(err)
		}
	})
}

// Only a developer who can log in makes the work of bcrypt necessary.
func TestBcryptPassword(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		d := auth.StoredDeveloper{Developer: auth.Developer{ID: uuid.NewString(), Email: "a@example.com", CreatedAt: epoch, UpdatedAt: epoch}}
		for _, c := range []struct {
			hash     string
			disabled bool
		}{{"$argon2id$", false}, {"$2b$12$" + strings.Repeat(".", 53), false}, {"$2b$12$" + strings.Repeat(".", 53), true}} {
			d.PasswordHash, d.Disabled = c.hash, c.disabled
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				if c.hash == "$argon2id$" {
					return tx.InsertDeveloper(ctx, d)
				}
				return tx.UpdateDeveloper(ctx, d)
			})
			hash, err := s.BcryptPassword(t.Context())
			if strings.HasPrefix(c.hash, "$2") && !c.disabled {
				wantEqual(t, hash, c.hash)
			} else if !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%+v: %q %v", c, hash, err)
			}
		}
	})
}
