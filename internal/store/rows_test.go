package store

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Every member of every row comes back as it was written, with and without
// what is optional, when it is new and when it was replaced.
func TestRowsComeBack(t *testing.T) {
	for _, set := range []bool{true, false} {
		t.Run(map[bool]string{true: "full", false: "bare"}[set], func(t *testing.T) {
			onEach(t, func(t *testing.T, s *Store) {
				t.Run("developer", func(t *testing.T) { developerComesBack(t, s, set) })
				t.Run("session", func(t *testing.T) { sessionComesBack(t, s, set) })
				t.Run("key", func(t *testing.T) { keyComesBack(t, s, set) })
				t.Run("application", func(t *testing.T) { applicationComesBack(t, s, set) })
				t.Run("webhook endpoint", func(t *testing.T) { webhookEndpointComesBack(t, s, set) })
				t.Run("user", func(t *testing.T) { userComesBack(t, s, set) })
				t.Run("signing key", func(t *testing.T) { signingKeyComesBack(t, s, set) })
			})
		})
	}
}

func developerComesBack(t *testing.T, s *Store, set bool) {
	d := fill[auth.StoredDeveloper](set)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertDeveloper(ctx, d) })
	wantEqual(t, must(s.Developer(t.Context(), d.ID))(t), d)
	next := fill[auth.StoredDeveloper](!set)
	next.ID = d.ID
	s.write(t, func(ctx context.Context, tx auth.Tx) error {
		if err := tx.UpdateDeveloper(ctx, next); err != nil {
			return err
		}
		wantEqual(t, must(tx.Developer(ctx, d.ID))(t), next)
		return nil
	})
	wantEqual(t, must(s.DeveloperByEmail(t.Context(), strings.ToUpper(next.Email)))(t), next)
	_, err := s.DeveloperByEmail(t.Context(), d.Email)
	wantError(t, err, problem.ErrNotFound)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteDeveloper(ctx, d.ID) })
	_, err = s.Developer(t.Context(), d.ID)
	wantError(t, err, problem.ErrNotFound)
}

func sessionComesBack(t *testing.T, s *Store, set bool) {
	row := fill[auth.StoredSession](set)
	row.DeveloperID, row.UserID = "", s.addUser(t).ID
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, row) })
	wantEqual(t, must(s.Session(t.Context(), row.ID))(t), row)

	next := fill[auth.StoredSession](!set)
	next.ID, next.DeveloperID, next.UserID, next.AppID = row.ID, "", row.UserID, row.AppID
	next.Actor, next.MintedBy, next.Seed, next.CreatedAt, next.EndsAt = row.Actor, row.MintedBy, row.Seed, row.CreatedAt, row.EndsAt
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateSession(ctx, next) })
	wantEqual(t, must(s.Session(t.Context(), row.ID))(t), next)

	bare := newUserSession(row.UserID)
	bare.AppID = ""
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, bare) })
	wantEqual(t, must(s.Session(t.Context(), bare.ID))(t), bare)
}

func keyComesBack(t *testing.T, s *Store, set bool) {
	k := fill[auth.StoredKey](set)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertKey(ctx, k) })
	wantEqual(t, must(s.Key(t.Context(), k.ID))(t), k)
	next := fill[auth.StoredKey](!set)
	next.ID, next.Scopes = k.ID, []string{}
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateKey(ctx, next) })
	wantEqual(t, must(s.Key(t.Context(), k.ID))(t), next)
	wantEqual(t, must(s.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20}))(t), []auth.Key{next.Key})
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteKey(ctx, k.ID) })
	_, err := s.Key(t.Context(), k.ID)
	wantError(t, err, problem.ErrNotFound)
}

func webhookEndpointComesBack(t *testing.T, s *Store, set bool) {
	w := fill[auth.StoredWebhookEndpoint](set)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertWebhookEndpoint(ctx, w) })
	wantEqual(t, must(s.WebhookEndpoint(t.Context(), w.ID))(t), w)
	next := fill[auth.StoredWebhookEndpoint](!set)
	next.ID = w.ID
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateWebhookEndpoint(ctx, next) })
	wantEqual(t, must(s.WebhookEndpoint(t.Context(), w.ID))(t), next)
	wantEqual(t, must(s.WebhookEndpoints(t.Context()))(t), []auth.WebhookEndpoint{next.WebhookEndpoint})
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteWebhookEndpoint(ctx, w.ID) })
	_, err := s.WebhookEndpoint(t.Context(), w.ID)
	wantError(t, err, problem.ErrNotFound)
}

func applicationComesBack(t *testing.T, s *Store, set bool) {
	a := fill[auth.StoredApplication](set)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertApplication(ctx, a) })
	wantEqual(t, must(s.Application(t.Context(), a.AppID))(t), a)
	next := fill[auth.StoredApplication](!set)
	next.AppID = a.AppID
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateApplication(ctx, next) })
	wantEqual(t, must(s.Application(t.Context(), a.AppID))(t), next)
	wantEqual(t, must(s.Applications(t.Context(), nil, 1<<20))(t), []auth.Application{next.Application})
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteApplication(ctx, a.AppID) })
	_, err := s.Application(t.Context(), a.AppID)
	wantError(t, err, problem.ErrNotFound)
}

func userComesBack(t *testing.T, s *Store, set bool) {
	u := fill[auth.User](set)
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
	wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
	next := fill[auth.User](!set)
	next.ID, next.HasActiveConnection = u.ID, false
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateUser(ctx, next) })
	wantEqual(t, must(s.User(t.Context(), u.ID))(t), next)
	if err := s.UserExists(t.Context(), u.ID); err != nil {
		t.Fatal(err)
	}
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, u.ID) })
	wantError(t, s.UserExists(t.Context(), u.ID), problem.ErrNotFound)
}

func signingKeyComesBack(t *testing.T, s *Store, set bool) {
	first, second := fill[auth.StoredSigningKey](set), fill[auth.StoredSigningKey](!set)
	first.CreatedAt, second.CreatedAt = epoch, epoch.Add(time.Microsecond)
	put := func(k auth.StoredSigningKey) {
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.PutSigningKey(ctx, k) })
	}
	put(second)
	put(first)
	wantEqual(t, must(s.SigningKeys(t.Context()))(t), []auth.StoredSigningKey{first, second})
	replaced := fill[auth.StoredSigningKey](!set)
	replaced.ID, replaced.CreatedAt = first.ID, first.CreatedAt
	put(replaced)
	wantEqual(t, must(s.SigningKeys(t.Context()))(t), []auth.StoredSigningKey{replaced, second})
	s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteSigningKey(ctx, first.ID) })
	wantEqual(t, must(s.SigningKeys(t.Context()))(t), []auth.StoredSigningKey{second})
}

// What is not there is problem.ErrNotFound, to read, to change and to remove.
func TestMissingRowIsNotFound(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		reads := map[string]func(context.Context, auth.Reader) error{
			"Developer":        func(ctx context.Context, r auth.Reader) error { _, err := r.Developer(ctx, "x"); return err },
			"DeveloperByEmail": func(ctx context.Context, r auth.Reader) error { _, err := r.DeveloperByEmail(ctx, "x"); return err },
			"Session":          func(ctx context.Context, r auth.Reader) error { _, err := r.Session(ctx, "x"); return err },
			"Key":              func(ctx context.Context, r auth.Reader) error { _, err := r.Key(ctx, "x"); return err },
			"KeyByHash": func(ctx context.Context, r auth.Reader) error {
				_, err := r.KeyByHash(ctx, credential.Hash{})
				return err
			},
			"Application": func(ctx context.Context, r auth.Reader) error { _, err := r.Application(ctx, "x"); return err },
			"User":        func(ctx context.Context, r auth.Reader) error { _, err := r.User(ctx, "x"); return err },
		}
		for name, read := range reads {
			if err := read(t.Context(), s); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
			err := s.try(func(ctx context.Context, tx auth.Tx) error { return read(ctx, tx) })
			if !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s in a transaction: %v", name, err)
			}
		}
		writes := map[string]func(context.Context, auth.Tx) error{
			"UpdateDeveloper": func(ctx context.Context, tx auth.Tx) error { return tx.UpdateDeveloper(ctx, newDeveloper()) },
			"DeleteDeveloper": func(ctx context.Context, tx auth.Tx) error { return tx.DeleteDeveloper(ctx, "x") },
			"UpdateSession":   func(ctx context.Context, tx auth.Tx) error { return tx.UpdateSession(ctx, newUserSession("x")) },
			"UpdateKey":       func(ctx context.Context, tx auth.Tx) error { return tx.UpdateKey(ctx, newKey()) },
			"DeleteKey":       func(ctx context.Context, tx auth.Tx) error { return tx.DeleteKey(ctx, "x") },
			"UpdateApplication": func(ctx context.Context, tx auth.Tx) error {
				return tx.UpdateApplication(ctx, fill[auth.StoredApplication](true))
			},
			"DeleteApplication": func(ctx context.Context, tx auth.Tx) error { return tx.DeleteApplication(ctx, "x") },
			"UpdateUser":        func(ctx context.Context, tx auth.Tx) error { return tx.UpdateUser(ctx, newUser()) },
			"DeleteUser":        func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, "x") },
			"DeleteSigningKey":  func(ctx context.Context, tx auth.Tx) error { return tx.DeleteSigningKey(ctx, "x") },
			"Replay":            func(ctx context.Context, tx auth.Tx) error { _, err := tx.Replay(ctx, credential.Hash{}); return err },
			"InsertSession":     func(ctx context.Context, tx auth.Tx) error { return tx.InsertSession(ctx, newUserSession("x")) },
		}
		for name, write := range writes {
			if err := s.try(write); !errors.Is(err, problem.ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A text that a database cannot store is never found, and refused when written.
func TestUnstorableTextIsRefused(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u := s.addUser(t)
		for _, text := range []string{"a\x00b", "\xff"} {
			_, err := s.DeveloperByEmail(t.Context(), text)
			wantError(t, err, problem.ErrNotFound)
			_, err = s.Key(t.Context(), text)
			wantError(t, err, problem.ErrNotFound)
			odd := newUser()
			odd.FirstName = &text
			for _, write := range []func(context.Context, auth.Tx) error{
				func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, odd) },
				func(ctx context.Context, tx auth.Tx) error { odd.ID = u.ID; return tx.UpdateUser(ctx, odd) },
			} {
				if err := s.try(write); problem.AsError(err).Kind != problem.Invalid {
					t.Errorf("%q: %v", text, err)
				}
			}
		}
		wantEqual(t, must(s.User(t.Context(), u.ID))(t), u)
		wantEqual(t, count(t, s, "users"), 1)
	})
}

func TestTakenValueNamesItsColumn(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		d, u := newDeveloper(), newUser()
		d.Email, u.Email, u.ExternalUserID = "Straße@Example.com", ptr("Jörg@Example.com"), ptr("Ext")
		other := newUser()
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertDeveloper(ctx, d), tx.InsertUser(ctx, u), tx.InsertUser(ctx, other))
		})
		sameEmail, sameExternal, sameID := newUser(), newUser(), newUser()
		sameEmail.Email, sameExternal.ExternalUserID, sameID.ID = ptr("JÖRG@example.COM"), ptr("Ext"), u.ID
		moved := other
		moved.Email = sameEmail.Email
		twin := newDeveloper()
		twin.Email = "STRAẞE@example.com"
		for _, c := range []struct {
			name, column string
			write        func(context.Context, auth.Tx) error
		}{
			{"developer", "email", func(ctx context.Context, tx auth.Tx) error { return tx.InsertDeveloper(ctx, twin) }},
			{"user's email", "email", func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, sameEmail) }},
			{"user's external id", "external_user_id", func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, sameExternal) }},
			{"update", "email", func(ctx context.Context, tx auth.Tx) error { return tx.UpdateUser(ctx, moved) }},
			{"id", "id", func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, sameID) }},
		} {
			err := s.try(c.write)
			taken, ok := errors.AsType[*problem.TakenError](err)
			if err == nil || ok != (c.column != "") || ok && taken.Column != c.column {
				t.Errorf("%s: %v", c.name, err)
			}
			if problem.AsError(err).Kind == problem.Unavailable {
				t.Errorf("%s: %v is not a passing fault", c.name, err)
			}
		}
		otherCase := newUser()
		otherCase.ExternalUserID = ptr("ext")
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, otherCase) })
	})
}

// A transaction in which a statement failed cannot commit, even if its function
// ignores the error.
func TestFailedStatementDoomsItsTransaction(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		u, next := newUser(), newUser()
		u.ExternalUserID = ptr("x")
		next.ExternalUserID = u.ExternalUserID
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertUser(ctx, u) })
		k := newKey()
		err := s.try(func(ctx context.Context, tx auth.Tx) error {
			if err := tx.InsertKey(ctx, k); err != nil {
				return err
			}
			wantError(t, tx.InsertUser(ctx, next), problem.ErrTaken)
			wantError(t, tx.InsertKey(ctx, newKey()), problem.ErrTaken)
			return nil
		})
		wantError(t, err, problem.ErrTaken)
		wantEqual(t, must(s.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20}))(t), []auth.Key{})
	})
}

func TestKeyIsFoundByItsNewestAndPreviousHash(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		k, other := newKey(), newKey()
		k.PreviousHash = ptr(fill[credential.Hash](true))
		s.write(t, func(ctx context.Context, tx auth.Tx) error {
			return errors.Join(tx.InsertKey(ctx, k), tx.InsertKey(ctx, other))
		})
		for _, h := range []credential.Hash{k.Hash, *k.PreviousHash} {
			wantEqual(t, must(s.KeyByHash(t.Context(), h))(t), k)
		}
		wantEqual(t, must(s.KeyByHash(t.Context(), other.Hash))(t), other)
		oldest := *k.PreviousHash
		k.PreviousHash, k.Hash = ptr(k.Hash), fill[credential.Hash](true)
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.UpdateKey(ctx, k) })
		_, err := s.KeyByHash(t.Context(), oldest)
		wantError(t, err, problem.ErrNotFound)
	})
}

// A hash of another size than ours is an error, never a shorter hash.
func TestHashOfWrongSizeIsAnError(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		k := newKey()
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.InsertKey(ctx, k) })
		err := s.do(t.Context(), func(ctx context.Context, t *tx) error {
			_, err := t.exec(ctx, t.db.NewRaw("UPDATE api_keys SET previous_hash = ?", []byte{1, 2, 3}).Conn(t.conn))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Key(t.Context(), k.ID); err == nil || errors.Is(err, problem.ErrNotFound) {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestListsAreInOrder(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		developers := []auth.StoredDeveloper{newDeveloper(), newDeveloper(), newDeveloper()}
		keys := []auth.StoredKey{newKey(), newKey(), newKey()}
		apps := make([]auth.StoredApplication, 3)
		// Fractions of a second that a text would put in another order.
		for i, fraction := range []time.Duration{0, 100 * time.Millisecond, 120 * time.Millisecond} {
			at := epoch.Add(fraction)
			apps[i] = fill[auth.StoredApplication](true)
			developers[i].CreatedAt, keys[i].CreatedAt, apps[i].CreatedAt = at, at, at
		}
		for _, i := range []int{1, 0, 2} {
			s.write(t, func(ctx context.Context, tx auth.Tx) error {
				return errors.Join(tx.InsertDeveloper(ctx, developers[i]), tx.InsertKey(ctx, keys[i]), tx.InsertApplication(ctx, apps[i]))
			})
		}
		wantEqual(t, must(s.Developers(t.Context()))(t), developers)
		wantEqual(t, must(s.Keys(t.Context(), auth.KeyQuery{Limit: 1 << 20}))(t), []auth.Key{keys[2].Key, keys[1].Key, keys[0].Key})
		wantEqual(t, must(s.Applications(t.Context(), nil, 1<<20))(t),
			[]auth.Application{apps[2].Application, apps[1].Application, apps[0].Application})
	})
}
