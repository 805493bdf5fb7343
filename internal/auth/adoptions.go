package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// The methods in this file store what the upstream knew, as an import would have. Each
// leaves alone what is here or was imported or adopted before, also if it has ended since:
// so two nodes that adopt at once make one row, and what ended never comes back.

// adopt runs f in a transaction, as the adoption of the subject. It runs it again if
// another node has written the same row meanwhile, which f then finds.
func (s *Imports) adopt(ctx context.Context, subject string, f func(context.Context, *importing) error) error {
	for tries := 0; ; tries++ {
		err := s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
			return f(ctx, &importing{Imports: s, tx: tx, adopts: subject})
		})
		if !errors.Is(err, problem.ErrTaken) || tries == 2 {
			return err
		}
	}
}

// adoptKey stores an API key.
func (s *Imports) adoptKey(ctx context.Context, secret string) error {
	k := ImportKey{SecretDigest: credential.ImportDigest(secret), Prefix: credential.ShownOfImportedKey(secret), Name: nameOfAdopted}
	return s.adopt(ctx, keySubject(importedKeyID(importedKeyHash(s.vault, k.SecretDigest))), func(ctx context.Context, in *importing) error {
		k.CreatedAt = in.tx.Now()
		return in.key(ctx, k)
	})
}

// secretUnseen stands for the secret of an application that was adopted without it.
func (s *Imports) secretUnseen(appID string) credential.Hash {
	return s.vault.HashParts("adopted-application", appID)
}

// adoptApplication stores an application with the hash of its secret or, if that is nil,
// without one, in whose place a later call puts it.
func (in *importing) adoptApplication(ctx context.Context, a Application, secret *credential.Hash) error {
	unseen := in.secretUnseen(a.AppID)
	remember := Imported{Kind: ImportedApplication, ID: a.AppID, Digest: unseen}
	stored := StoredApplication{Application: a, Hash: unseen}
	if secret != nil {
		stored.Hash, remember.Secret = *secret, hex.EncodeToString(secret[:])
	}
	before, err := in.earlier(ctx, ImportedApplication, a.AppID)
	if err != nil {
		return err
	}
	now, err := in.tx.Application(ctx, a.AppID)
	exists, err := found(err)
	switch {
	case err != nil:
		return err
	case !exists && before == nil:
		if stored.ID == "" {
			stored.ID = newID()
		}
		if stored.CreatedAt.IsZero() {
			stored.CreatedAt = in.tx.Now()
		}
		stored.Name = in.fitName(ImportedApplication, a.AppID, stored.Name)
		return errors.Join(in.tx.InsertApplication(ctx, stored), in.tx.PutImported(ctx, remember),
			in.record(ctx, audit.AppCreate, applicationSubject(a.AppID), 1))
	case exists && secret != nil && now.Hash == unseen:
		now.Hash = stored.Hash
		return errors.Join(in.tx.UpdateApplication(ctx, now), in.tx.PutImported(ctx, remember),
			in.record(ctx, audit.AppRotate, applicationSubject(a.AppID), 1))
	}
	return nil
}

// adoptDeveloper stores a developer with our hash of the password, unless one with the
// email or the id was ended here.
func (s *Imports) adoptDeveloper(ctx context.Context, d Developer, hash string) error {
	b := ImportBatch{Developers: []ImportDeveloper{{d, hash}}}
	(&importing{Imports: s}).sift(&b)
	if len(b.Developers) == 0 {
		return problem.ErrNotFound
	}
	kept := b.Developers[0]
	return s.adopt(ctx, developerSubject(kept.ID), func(ctx context.Context, in *importing) error {
		_, known := in.tx.Imported(ctx, ImportedDeveloper, kept.ID)
		_, ended := in.tx.Imported(ctx, endedEmail, adoptionTrace(s.vault, FoldEmail(kept.Email)))
		_, here := in.tx.Developer(ctx, kept.ID)
		for _, err := range []error{known, ended, here} {
			if err := refuseFound(err); err != nil {
				return err
			}
		}
		err := in.addDeveloper(ctx, kept, Imported{
			Kind: ImportedDeveloper, ID: kept.ID, Digest: s.vault.HashParts("imported-developer", hash), Secret: importedPassword(s.vault, hash),
		})
		if err == nil && in.result.New == 0 { // the email is taken, or there is no room
			err = problem.ErrNotFound
		}
		return err
	})
}

// refuseFound returns problem.ErrNotFound if err says that a row was found, and nil if it
// says that there is none.
func refuseFound(err error) error {
	switch {
	case err == nil:
		return problem.ErrNotFound
	case errors.Is(err, problem.ErrNotFound):
		return nil
	default:
		return err
	}
}

// adoptUser stores a user, without those of its values that another one has.
func (in *importing) adoptUser(ctx context.Context, u User) error {
	b := ImportBatch{Users: []User{u}}
	in.sift(&b)
	return in.addUsers(ctx, b.Users)
}

// spentSession is a refresh token that was spent upstream, and is to be a session here.
type spentSession struct {
	id            string
	userID, appID string
	successor     string // the id that its successor would have, which is nobody's; "" = none is known
}

func (t *spentSession) imported() Imported {
	return Imported{Kind: ImportedSession, ID: t.id, Secret: spentPrefix + t.userID + " " + t.appID}
}

// readSpent returns the spent token of an Imported that is no session yet.
func readSpent(of Imported) (*spentSession, bool) {
	rest, spent := strings.CutPrefix(of.Secret, spentPrefix)
	user, app, _ := strings.Cut(rest, " ")
	return &spentSession{id: of.ID, userID: user, appID: app}, spent
}

// adoptSession makes the session of a token that was spent. If its user or application is
// not here, it only keeps that the token was good, and reports false. A token whose user
// had all tokens revoked here, or whose maker was ended here, ends with that.
func (in *importing) adoptSession(ctx context.Context, t *spentSession) (done bool, err error) {
	before, err := in.tx.Imported(ctx, ImportedSession, t.id)
	switch {
	case err == nil && !strings.HasPrefix(before.Secret, spentPrefix):
		return true, nil // by another node, or by an import
	case err != nil && !errors.Is(err, problem.ErrNotFound):
		return false, err
	}
	_, err = in.tx.ClaimUser(ctx, t.userID)
	here, err := found(err)
	if err == nil && here && !HasNoApplication(t.appID) {
		here, err = in.knows(ctx, t.appID)
	}
	if err != nil {
		return false, err
	}
	if t.successor != "" {
		if err := in.tx.PutImported(ctx, Imported{Kind: ImportedSession, ID: t.successor, Secret: sessionAdopted}); err != nil {
			return false, err
		}
	}
	if !here {
		return false, in.tx.PutImported(ctx, t.imported())
	}
	remember := Imported{Kind: ImportedSession, ID: t.id, Secret: sessionAdopted}
	_, err = in.tx.Imported(ctx, endedTokens, adoptionTrace(in.vault, t.userID))
	revoked, err := found(err)
	if err != nil {
		return false, err
	}
	mints, err := in.mints(ctx, map[string]bool{}, t.appID)
	if err != nil || revoked || !mints {
		return true, errors.Join(err, in.tx.PutImported(ctx, remember))
	}
	row := in.session(t.id, &ImportToken{UserID: t.userID, AppID: t.appID, CreatedAt: in.tx.Now()})
	return true, errors.Join(in.tx.InsertSessions(ctx, []StoredSession{row}), in.tx.PutImported(ctx, remember),
		in.record(ctx, audit.TokenMint, userSubject(t.userID), 1))
}

// knows reports whether the application is here, or was.
func (in *importing) knows(ctx context.Context, appID string) (bool, error) {
	_, err := in.tx.Application(ctx, appID)
	if here, err := found(err); here || err != nil {
		return here, err
	}
	_, err = in.tx.Imported(ctx, ImportedApplication, appID)
	return found(err)
}

// adoptionTrace returns the id of an Imported by which an adoption knows what was ended.
func adoptionTrace(vault *credential.Vault, of string) string {
	h := vault.HashParts("adoption-trace", of)
	return hex.EncodeToString(h[:])
}

// leaveTrace makes what is ended one that no adoption brings back. It may be so already.
func leaveTrace(ctx context.Context, tx Tx, vault *credential.Vault, kind, of string) error {
	return tx.PutImported(ctx, Imported{Kind: kind, ID: adoptionTrace(vault, of)})
}
