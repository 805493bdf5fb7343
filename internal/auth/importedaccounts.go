package auth

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

const notBcrypt = "its secret is not a bcrypt hash of cost 14 or less: it is not imported"

// developer imports a developer, who logs in with the password of before.
func (in *importing) developer(ctx context.Context, d ImportDeveloper) error {
	before, err := in.earlier(ctx, ImportedDeveloper, d.ID)
	if err != nil {
		return err
	}
	if credential.CheckBcrypt(d.PasswordHash) != nil {
		in.result.odd(ImportedDeveloper, d.ID, notBcrypt)
		return nil
	}
	remember := Imported{
		Kind: ImportedDeveloper, ID: d.ID, Digest: in.vault.HashParts("imported-developer", d.PasswordHash),
		Secret: importedPassword(in.vault, d.PasswordHash),
	}
	now, err := in.tx.Developer(ctx, d.ID)
	exists, err := found(err)
	if err != nil {
		return err
	}
	var current *credential.Hash
	switch {
	case exists && before != nil && before.Secret == importedPassword(in.vault, now.PasswordHash):
		current = &before.Digest
	case exists:
		current = new(credential.Hash)
	}
	switch decideImport(before, remember.Digest, current) {
	case importNew:
		return in.addDeveloper(ctx, d, remember)
	case importChanged:
		now.PasswordHash, now.UpdatedAt = d.PasswordHash, in.tx.Now()
		own, minted, err := endDeveloper(ctx, in.tx, d.ID, "")
		if err != nil {
			return err
		}
		in.endSessions(append(own, minted...))
		in.result.Changed++
		return errors.Join(in.tx.UpdateDeveloper(ctx, now), in.tx.PutImported(ctx, remember),
			in.record(ctx, audit.PasswordChange, developerSubject(d.ID), 1))
	case importKept:
		in.result.odd(ImportedDeveloper, d.ID, "has another password on each side: the one here stays")
	default:
		in.result.Same++
	}
	return nil
}

func (in *importing) addDeveloper(ctx context.Context, d ImportDeveloper, remember Imported) error {
	other, err := in.tx.DeveloperByEmail(ctx, d.Email)
	if taken, err := found(err); err != nil {
		return err
	} else if taken {
		in.result.odd(ImportedDeveloper, d.ID, "has the email of developer "+other.ID+": it is not imported")
		return nil
	}
	if n, err := in.tx.CountDevelopers(ctx); err != nil {
		return err
	} else if n >= MaxDevelopers {
		in.result.odd(ImportedDeveloper, d.ID, "is one more than there may be: it is not imported")
		return nil
	}
	in.result.New++
	return errors.Join(in.tx.DeleteSetupTokens(ctx), in.tx.InsertDeveloper(ctx, StoredDeveloper{Developer: d.Developer, PasswordHash: d.PasswordHash}),
		in.tx.PutImported(ctx, remember), in.record(ctx, audit.DeveloperCreate, developerSubject(d.ID), 1))
}

// endDeveloper disables a developer who is gone.
func (in *importing) endDeveloper(ctx context.Context, id string) error {
	if err := in.tx.LockInvitations(ctx); err != nil {
		return err
	}
	d, err := in.tx.Developer(ctx, id)
	if exists, err := found(err); err != nil || !exists || d.Disabled {
		return err
	}
	d.Disabled, d.UpdatedAt = true, in.tx.Now()
	if err := in.tx.UpdateDeveloper(ctx, d); err != nil {
		return err
	}
	ended, err := in.developers.end(ctx, in.tx, id)
	if err != nil {
		return err
	}
	in.endSessions(ended)
	in.result.Ended++
	in.result.odd(ImportedDeveloper, id, "was deleted there: it is disabled here")
	return in.record(ctx, audit.DeveloperEnd, developerSubject(id), 1)
}

func (in *importing) endSessions(ids []string) {
	for _, id := range ids {
		in.ended = append(in.ended, sessionSubject(id))
	}
}

// application imports an application, whose secret is compared by bcrypt once.
func (in *importing) application(ctx context.Context, a ImportApplication) error {
	before, err := in.earlier(ctx, ImportedApplication, a.AppID)
	if err != nil {
		return err
	}
	switch {
	case !credential.IsImportedAppID(a.AppID):
		in.result.odd(ImportedApplication, a.ID, "its app_id has not the form app_ and 32 hexadecimal digits: it is not imported")
		return nil
	case credential.CheckBcrypt(a.SecretHash) != nil:
		in.result.odd(ImportedApplication, a.AppID, notBcrypt)
		return nil
	}
	placeholder := importedSecretHash(in.vault, a.SecretHash)
	remember := Imported{Kind: ImportedApplication, ID: a.AppID, Digest: placeholder, Secret: a.SecretHash}
	now, err := in.tx.Application(ctx, a.AppID)
	exists, err := found(err)
	if err != nil {
		return err
	}
	var current *credential.Hash
	if exists {
		current = new(credential.Hash)
		if before != nil && in.hasImportedSecret(&now, before) {
			current = &before.Digest
		}
	}
	switch decideImport(before, placeholder, current) {
	case importNew:
		in.result.New++
		return errors.Join(in.tx.InsertApplication(ctx, StoredApplication{
			Application: Application{ID: a.ID, AppID: a.AppID, Name: a.Name, CreatedAt: a.CreatedAt}, Hash: placeholder,
		}), in.tx.PutImported(ctx, remember), in.record(ctx, audit.AppCreate, applicationSubject(a.AppID), 1))
	case importChanged:
		now.Hash = placeholder
		in.result.Changed++
		return errors.Join(in.tx.UpdateApplication(ctx, now), in.tx.PutImported(ctx, remember),
			in.record(ctx, audit.AppRotate, applicationSubject(a.AppID), 1))
	case importKept:
		in.result.odd(ImportedApplication, a.AppID, "has another secret on each side: the one here stays")
	default:
		in.result.Same++
	}
	return nil
}

// hasImportedSecret reports whether the newest secret of the application is the one that
// was imported.
func (in *importing) hasImportedSecret(a *StoredApplication, of *Imported) bool {
	return a.Hash == of.Digest || of.Secret == hex.EncodeToString(a.Hash[:])
}

// endApplication ends an application that is gone, and its tokens, unless it has another
// secret here.
func (in *importing) endApplication(ctx context.Context, appID string) error {
	a, err := in.tx.Application(ctx, appID)
	if exists, err := found(err); err != nil || !exists {
		return err
	}
	imported, err := in.tx.Imported(ctx, ImportedApplication, appID)
	if err != nil {
		return err
	}
	if !in.hasImportedSecret(&a, &imported) {
		in.result.odd(ImportedApplication, appID, "was deleted there, and has another secret here: it stays")
		return nil
	}
	ended, err := in.tx.EndSessions(ctx, SessionFilter{AppID: appID}, in.tx.Now())
	if err != nil {
		return err
	}
	in.endSessions(ended)
	in.result.Ended++
	return errors.Join(in.tx.DeleteApplication(ctx, appID), in.record(ctx, audit.AppDelete, applicationSubject(appID), 1))
}

// key imports an API key, which works as before.
func (in *importing) key(ctx context.Context, k ImportKey) error {
	h := importedKeyHash(in.vault, k.SecretDigest)
	id := importedKeyID(h)
	before, err := in.earlier(ctx, ImportedKey, id)
	if err != nil {
		return err
	}
	if k.CreatedBy == "" {
		in.result.odd(ImportedKey, id, "nobody is known to have made "+k.Prefix+"…")
	}
	_, err = in.tx.Key(ctx, id)
	exists, err := found(err)
	if err != nil || exists || before != nil {
		in.result.Same++
		return err
	}
	in.result.New++
	return errors.Join(in.tx.InsertKey(ctx, StoredKey{Hash: h, Key: Key{
		ID: id, Name: k.Name, KeyPrefix: k.Prefix, Environment: "live", Scopes: Scopes, Enabled: true,
		CreatedBy: k.CreatedBy, CreatedAt: k.CreatedAt, AllowedNetworks: []string{},
	}}), in.tx.PutImported(ctx, Imported{Kind: ImportedKey, ID: id}), in.record(ctx, audit.KeyCreate, keySubject(id), 1))
}

// endKey ends the secret of a key that is gone, and the key with it, unless it has
// another one here.
func (in *importing) endKey(ctx context.Context, id string) error {
	k, err := in.tx.Key(ctx, id)
	if exists, err := found(err); err != nil || !exists {
		return err
	}
	switch {
	case importedKeyID(k.Hash) == id:
		ended, err := in.tx.EndSessions(ctx, SessionFilter{AppID: keySubject(id)}, in.tx.Now())
		if err != nil {
			return err
		}
		in.endSessions(ended)
		err = errors.Join(in.tx.DeleteKey(ctx, id), in.record(ctx, audit.KeyDelete, keySubject(id), 1))
		if err != nil {
			return err
		}
	case k.PreviousHash != nil && importedKeyID(*k.PreviousHash) == id:
		k.PreviousHash, k.PreviousExpiresAt = nil, nil
		if err := errors.Join(in.tx.UpdateKey(ctx, k), in.record(ctx, audit.KeyFinish, keySubject(id), 1)); err != nil {
			return err
		}
	default:
		return nil
	}
	in.ended = append(in.ended, keySubject(id))
	in.result.Ended++
	return nil
}

// invitation imports an invitation, whose link works as before.
func (in *importing) invitation(ctx context.Context, i ImportInvitation) error {
	before, err := in.earlier(ctx, ImportedInvitation, i.ID)
	if err != nil {
		return err
	}
	if err := in.tx.LockInvitations(ctx); err != nil {
		return err
	}
	_, err = in.tx.Invitation(ctx, i.ID)
	if exists, err := found(err); err != nil || exists || before != nil {
		in.result.Same++
		return err
	}
	if err := refuseDeveloper(ctx, in.tx, i.Email); problem.AsError(err).Kind == problem.BadRequest && err != nil {
		in.result.odd(ImportedInvitation, i.ID, "is for an email that a developer has: it is not imported")
		return nil
	} else if err != nil {
		return err
	}
	if _, err := in.tx.OpenInvitation(ctx, i.Email); err == nil {
		in.result.odd(ImportedInvitation, i.ID, "is for an email that has another invitation: it is not imported")
		return nil
	} else if !errors.Is(err, problem.ErrNotFound) {
		return err
	}
	stored := StoredInvitation{
		ID: i.ID, Email: i.Email, Status: InvitationPending, InvitedByID: i.InvitedByID, CreatedAt: i.CreatedAt, ExpiresAt: i.ExpiresAt,
	}
	stored.retoken(in.vault)
	in.result.New++
	return errors.Join(in.tx.InsertInvitation(ctx, stored),
		in.tx.PutImported(ctx, Imported{Kind: ImportedInvitation, ID: i.ID, Secret: importedInvitationSecret(in.vault, i.TokenDigest)}),
		recordInvitation(ctx, in.tx, audit.InvitationCreate, i.ID))
}

// endInvitation revokes an invitation that cannot be accepted there any more, unless it
// was sent again here.
func (in *importing) endInvitation(ctx context.Context, id string) error {
	if err := in.tx.LockInvitations(ctx); err != nil {
		return err
	}
	i, err := in.tx.Invitation(ctx, id)
	if exists, err := found(err); err != nil || !exists || i.Status != InvitationPending || i.Generation > 1 {
		return err
	}
	in.result.Ended++
	return revokeInvitation(ctx, in.tx, i)
}
