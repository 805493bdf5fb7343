package auth

import (
	"context"
	"errors"
	"strings"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
)

// HasNoApplication reports whether the app_id of a refresh token names no application,
// but the developer who minted or invited.
func HasNoApplication(appID string) bool {
	return appID == "" || strings.HasPrefix(appID, adminMinter("")) || strings.HasPrefix(appID, "invite:")
}

// addSessions imports refresh tokens of users as the first generation of sessions, which
// have all of their time before them.
func (in *importing) addSessions(ctx context.Context, tokens []ImportToken) error {
	if len(tokens) == 0 {
		return nil
	}
	ids, users := make([]string, len(tokens)), make([]string, len(tokens))
	for i := range tokens {
		ids[i] = formatID(importedSessionID(in.vault, tokens[i].TokenDigest))
		users[i] = tokens[i].UserID
	}
	in.result.IDs = append(in.result.IDs, ids...)
	known, err := in.known(ctx, ImportedSession, ids)
	if err != nil {
		return err
	}
	here, err := in.tx.UsersLike(ctx, users, nil, nil)
	if err != nil {
		return err
	}
	holders := make(map[string]bool, len(here))
	for i := range here {
		holders[here[i].ID] = true
	}
	minters := map[string]bool{}
	var added []StoredSession
	var remembered []Imported
	for i, t := range tokens {
		if known[ids[i]] != nil {
			in.result.Same++
			continue
		}
		mints, err := in.mints(ctx, minters, t.AppID)
		if err != nil {
			return err
		}
		switch {
		case !holders[t.UserID] && !in.dry:
			in.result.odd(ImportedSession, ids[i], "is of user "+t.UserID+", who is not here: it is not imported")
			continue
		case !mints:
			in.result.odd(ImportedSession, ids[i], "is of user "+t.UserID+", and the application or developer that minted it has ended here: it is not imported")
			continue
		}
		added = append(added, in.session(ids[i], &t))
		remembered = append(remembered, Imported{Kind: ImportedSession, ID: ids[i]})
	}
	in.result.New += len(added)
	if in.dry { // nobody knows yet whether the users will be here
		return nil
	}
	return errors.Join(in.tx.InsertSessions(ctx, added), in.tx.PutImported(ctx, remembered...),
		in.record(ctx, audit.TokenMint, "", len(added)))
}

// mints reports whether the app_id names an application here, or none and no developer who
// was ended here.
func (in *importing) mints(ctx context.Context, minters map[string]bool, appID string) (bool, error) {
	if in.dry {
		return true, nil
	}
	if known, ok := minters[appID]; ok {
		return known, nil
	}
	mints, err := true, error(nil)
	if developer, ok := strings.CutPrefix(appID, adminMinter("")); ok {
		mints, err = in.developerMints(ctx, developer)
	} else if !HasNoApplication(appID) {
		_, err = in.tx.KeepApplication(ctx, appID)
		mints, err = found(err)
	}
	minters[appID] = mints
	return mints, err
}

// developerMints reports whether the developer was not disabled or deleted here, which ended
// what it minted.
func (in *importing) developerMints(ctx context.Context, id string) (bool, error) {
	d, err := in.tx.Developer(ctx, id)
	if exists, err := found(err); exists || err != nil {
		return !d.Disabled, err
	}
	_, err = in.tx.Imported(ctx, ImportedDeveloper, id)
	deleted, err := found(err)
	return !deleted, err
}

func (in *importing) session(id string, t *ImportToken) StoredSession {
	row := StoredSession{ID: id, UserID: t.UserID, AppID: t.AppID, Seed: credential.NewSeed(), Generation: 1}
	in.issuer.beginAt(&row, in.tx.Now())
	row.CreatedAt = t.CreatedAt
	return row
}

// endSession ends the session of a refresh token that was revoked or used there: two
// would hold it otherwise. One that was adopted was used there by this server.
func (in *importing) endSession(ctx context.Context, id string) error {
	imported, err := in.tx.Imported(ctx, ImportedSession, id)
	if err != nil || imported.Secret != "" {
		return err
	}
	ended, err := in.tx.EndSessions(ctx, SessionFilter{ID: id}, in.tx.Now())
	if err != nil {
		return err
	}
	in.endSessions(ended)
	in.result.Ended += len(ended)
	return in.record(ctx, audit.Revoke, sessionSubject(id), len(ended))
}
