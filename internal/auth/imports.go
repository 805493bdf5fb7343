package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Bounds of an import.
const (
	MaxImportBatch = 250  // rows of a batch
	importedPage   = 1000 // ids of a list
)

// Imports brings over what an Open Wearables backend has, for the operator at the command
// line: no network reaches it. Safe for concurrent use.
//
// Each batch is written in one transaction, with what is remembered of its rows. So an
// import that was interrupted may be begun again, and a later one brings what has changed
// since: there is one row here for each row there, by its id. What was changed or deleted
// here stays so.
type Imports struct {
	store       Store
	vault       *credential.Vault
	issuer      *issuer
	credentials *credentials
	developers  *Developers
	users       *Users
}

// errDryRun undoes a transaction that only tries.
var errDryRun = errors.New("auth: the batch was only tried")

// importing is a batch in its transaction.
type importing struct {
	*Imports
	tx     Tx
	dry    bool
	result ImportResult
	ended  []string // subjects of keys and sessions
	adopts string   // the subject that is adopted on its first use; "" = the operator imports
}

// Import imports a batch, of MaxImportBatch rows at most.
func (s *Imports) Import(ctx context.Context, b ImportBatch) (ImportResult, error) {
	rows := len(b.Developers) + len(b.Users) + len(b.Applications) + len(b.Keys) + len(b.Sessions) + len(b.Invitations) + len(b.Pairings) + len(b.Gone)
	if rows > MaxImportBatch {
		return ImportResult{}, fmt.Errorf("an import takes %d rows at once", MaxImportBatch)
	}
	if b.Kind == ImportedUser && len(b.Gone) > 0 {
		return s.deleteUsers(ctx, b)
	}
	sifting := importing{Imports: s}
	sifting.sift(&b)
	var in *importing
	err := s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) error {
		in = &importing{Imports: s, tx: tx, dry: b.DryRun, result: sifting.result.clip()}
		err := in.write(ctx, &b)
		if err == nil && b.DryRun {
			err = errDryRun
		}
		return err
	})
	if errors.Is(err, errDryRun) {
		return in.result, nil
	}
	if undecided(err) && in != nil {
		s.credentials.forget(ctx, in.ended...)
	}
	if err != nil {
		return ImportResult{}, err
	}
	return in.result, nil
}

// After lists the ids of what was imported of the kind, in their order, from one on: the
// next ones of as many as there are.
func (s *Imports) After(ctx context.Context, kind, id string) ([]string, error) {
	rows, err := s.store.ImportedAfter(ctx, kind, id, importedPage)
	ids := make([]string, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	return ids, err
}

func (in *importing) write(ctx context.Context, b *ImportBatch) error {
	switch b.Kind {
	case ImportedDeveloper:
		return errors.Join(eachOf(ctx, b.Developers, in.developer), eachOf(ctx, b.Gone, in.endDeveloper))
	case ImportedUser:
		return in.addUsers(ctx, b.Users)
	case ImportedApplication:
		return errors.Join(eachOf(ctx, b.Applications, in.application), eachOf(ctx, b.Gone, in.endApplication))
	case ImportedKey:
		return errors.Join(eachOf(ctx, b.Keys, in.key), eachOf(ctx, b.Gone, in.endKey))
	case ImportedSession:
		return errors.Join(in.addSessions(ctx, b.Sessions), eachOf(ctx, b.Gone, in.endSession))
	case ImportedInvitation:
		return errors.Join(eachOf(ctx, b.Invitations, in.invitation), eachOf(ctx, b.Gone, in.endInvitation))
	case ImportedPairing:
		return errors.Join(eachOf(ctx, b.Pairings, in.pairing), eachOf(ctx, b.Gone, in.endPairing))
	default:
		return fmt.Errorf("nothing of the kind %q is imported", b.Kind)
	}
}

func eachOf[T any](ctx context.Context, rows []T, f func(context.Context, T) error) error {
	for _, row := range rows {
		if err := f(ctx, row); err != nil {
			return err
		}
	}
	return nil
}

// found returns nil for the error of a missing row, and whether there is one.
func found(err error) (bool, error) {
	if errors.Is(err, problem.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// earlier returns what was imported of the row before, nil if it never was.
func (in *importing) earlier(ctx context.Context, kind, id string) (*Imported, error) {
	in.result.IDs = append(in.result.IDs, id)
	before, err := in.tx.Imported(ctx, kind, id)
	if ok, err := found(err); err != nil || !ok {
		return nil, err
	}
	return &before, nil
}

// record records an effect of the import on one subject, or on n together. What is adopted
// has proved itself, so that it is the actor.
func (in *importing) record(ctx context.Context, action, subject string, n int) error {
	if n == 0 {
		return nil
	}
	e := operableEvent(ctx, action, subject, in.tx.Now())
	e.Occurrences = int64(n)
	if in.adopts != "" {
		e.Subject = cmp.Or(subject, in.adopts)
		e.Actor = in.adopts
	}
	return in.tx.Record(ctx, e)
}

// addUsers imports users. An email that another one has is left out.
func (in *importing) addUsers(ctx context.Context, users []User) error {
	if len(users) == 0 {
		return nil
	}
	users = slices.Clone(users) // the transaction may be tried again
	var ids, emails, externals []string
	for i := range users {
		u := &users[i]
		ids = append(ids, u.ID)
		if u.Email != nil {
			emails = append(emails, EmailKeys(*u.Email)...)
		}
		if u.ExternalUserID != nil {
			externals = append(externals, *u.ExternalUserID)
		}
	}
	in.result.IDs = append(in.result.IDs, ids...)
	known, err := in.known(ctx, ImportedUser, ids)
	if err != nil {
		return err
	}
	alike, err := in.tx.UsersLike(ctx, ids, emails, externals)
	if err != nil {
		return err
	}
	here := people{byID: map[string]*User{}, byEmail: map[string]string{}, byExternal: map[string]string{}}
	for i := range alike {
		here.add(&alike[i])
	}
	var added []User
	var remembered []Imported
	for i := range users {
		u := &users[i]
		in.separate(u, &here)
		next := in.userDigest(u)
		var current *credential.Hash
		if now := here.byID[u.ID]; now != nil {
			current = new(in.userDigest(now))
		}
		switch decideImport(known[u.ID], next, current) {
		case importNew:
			added = append(added, *u)
			here.add(u)
		case importChanged:
			now := *here.byID[u.ID]
			now.FirstName, now.LastName, now.Email, now.ExternalUserID = u.FirstName, u.LastName, u.Email, u.ExternalUserID
			if err := in.tx.UpdateUser(ctx, now); err != nil {
				return err
			}
			in.result.Changed++
		case importKept:
			in.result.odd(ImportedUser, u.ID, "has changed on both sides since it was imported: what is here stays")
			continue
		default:
			in.result.Same++
			continue
		}
		remembered = append(remembered, Imported{Kind: ImportedUser, ID: u.ID, Digest: next})
	}
	in.result.New += len(added)
	return errors.Join(in.tx.InsertUsers(ctx, added), in.tx.PutImported(ctx, remembered...),
		in.record(ctx, audit.UserCreate, "", len(added)), in.record(ctx, audit.UserUpdate, "", in.result.Changed))
}

// known returns what was imported of the kind under the ids.
func (in *importing) known(ctx context.Context, kind string, ids []string) (map[string]*Imported, error) {
	rows, err := in.tx.ImportedOf(ctx, kind, ids)
	known := make(map[string]*Imported, len(rows))
	for i := range rows {
		known[rows[i].ID] = &rows[i]
	}
	return known, err
}

// people are users, to be found by what only one may have.
type people struct {
	byID                map[string]*User
	byEmail, byExternal map[string]string // ids
}

func (p *people) add(u *User) {
	p.byID[u.ID] = u
	if u.Email != nil {
		for _, key := range EmailKeys(*u.Email) {
			p.byEmail[key] = u.ID
		}
	}
	if u.ExternalUserID != nil {
		p.byExternal[*u.ExternalUserID] = u.ID
	}
}

// separate takes from a user what another one has already.
func (in *importing) separate(u *User, here *people) {
	if u.Email != nil {
		for _, key := range EmailKeys(*u.Email) {
			if other := here.byEmail[key]; u.Email != nil && other != "" && other != u.ID {
				in.result.odd(ImportedUser, u.ID, "has the email of user "+other+": it is imported without one")
				u.Email = nil
			}
		}
	}
	if u.ExternalUserID == nil {
		return
	}
	if other := here.byExternal[*u.ExternalUserID]; other != "" && other != u.ID {
		in.result.odd(ImportedUser, u.ID, "has the external_user_id of user "+other+": it is imported without one")
		u.ExternalUserID = nil
	}
}

func (s *Imports) userDigest(u *User) credential.Hash {
	var parts []string
	for _, text := range []*string{u.Email, u.FirstName, u.LastName, u.ExternalUserID} {
		if text == nil {
			parts = append(parts, "")
		} else {
			parts = append(parts, "is", *text)
		}
	}
	return s.vault.HashParts("imported-user", parts...)
}

// deleteUsers deletes users who were imported and are gone from where they came from,
// with their data. One who was changed here since stays.
func (s *Imports) deleteUsers(ctx context.Context, b ImportBatch) (ImportResult, error) {
	var r ImportResult
	for ids := range slices.Chunk(b.Gone, 50) {
		here, err := s.store.UsersLike(ctx, ids, nil, nil)
		if err != nil {
			return r, err
		}
		for i := range here {
			u := &here[i]
			imported, err := s.store.Imported(ctx, ImportedUser, u.ID)
			if err != nil {
				return r, err
			}
			if imported.Digest != s.userDigest(u) {
				r.odd(ImportedUser, u.ID, "was deleted there, and changed here since it was imported: it stays")
				continue
			}
			if !b.DryRun {
				if _, err := s.users.delete(ctx, u.ID); err != nil {
					return r, err
				}
			}
			r.Ended++
		}
	}
	return r, nil
}
