package auth

import (
	"context"

	"github.com/openwearables/openwearables/internal/audit"
)

// revoker ends sessions. Safe for concurrent use.
type revoker struct {
	store       Store
	credentials *credentials
}

// revoke ends the session that matches, with the users' sessions that it
// minted, and reports whether there was one. All their tokens are refused once
// it returns.
func (s *revoker) revoke(ctx context.Context, action string, which SessionFilter) (bool, error) {
	return s.end(ctx, action, sessionSubject(which.ID), func(ctx context.Context, tx Tx) (own, minted []string, err error) {
		if own, err = tx.EndSessions(ctx, which, tx.Now()); err != nil || len(own) == 0 {
			return nil, nil, err
		}
		minted, err = tx.EndSessions(ctx, SessionFilter{MintedBy: which.ID}, tx.Now())
		return own, minted, err
	})
}

// revokeOthers ends the sessions of a developer and the users' sessions that it
// minted, except one session and what that one minted. All their tokens are
// refused once it returns.
func (s *revoker) revokeOthers(ctx context.Context, developerID, except string) error {
	_, err := s.end(ctx, audit.Revoke, developerSubject(developerID), func(ctx context.Context, tx Tx) (own, minted []string, err error) {
		return endDeveloper(ctx, tx, developerID, except)
	})
	return err
}

// end runs f in a transaction and reports whether it ended a holder's own
// session. It records the action on each of these, and one end of all that the
// minter minted.
func (s *revoker) end(
	ctx context.Context, action, minter string, f func(context.Context, Tx) (own, minted []string, err error),
) (bool, error) {
	c := CallerFrom(ctx)
	var own, minted []string
	err := s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) (err error) {
		if own, minted, err = f(ctx, tx); err != nil {
			return err
		}
		if err := recordSessions(ctx, tx, c, action, own); err != nil || len(minted) == 0 {
			return err
		}
		return tx.Record(ctx, c.Event(audit.TokenRevoke, minter, tx.Now()))
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, append(own, minted...))
	}
	return len(own) > 0, err
}

// endDeveloper ends the sessions of a developer, the unused pairing codes, and then all
// users' sessions that the developer minted. It leaves the session except and what that
// one minted; "" leaves nothing. What came of pairing codes stays. A mint locks the row of the developer's session
// until it commits, so that in this order none is missed.
func endDeveloper(ctx context.Context, tx Tx, developerID, except string) (own, minted []string, err error) {
	own, err = tx.EndSessions(ctx, SessionFilter{DeveloperID: developerID, Except: except}, tx.Now())
	if err != nil {
		return nil, nil, err
	}
	if err := tx.DeletePairingCodes(ctx, developerPairings(developerID)); err != nil {
		return nil, nil, err
	}
	minted, err = tx.EndSessions(ctx, SessionFilter{AppID: adminMinter(developerID), Except: except}, tx.Now())
	return own, minted, err
}

// endPaired ends what pairing codes of the minter were traded for, and the unused ones
// before: whoever redeems one holds its row until the session is there.
func endPaired(ctx context.Context, tx Tx, minter string) ([]string, error) {
	if err := tx.DeletePairingCodes(ctx, minter); err != nil {
		return nil, err
	}
	return tx.EndSessions(ctx, SessionFilter{AppID: minter}, tx.Now())
}

// endKey ends what a key minted, and returns the sessions among it.
func endKey(ctx context.Context, tx Tx, keyID string) ([]string, error) {
	minted, err := tx.EndSessions(ctx, SessionFilter{AppID: keySubject(keyID)}, tx.Now())
	if err != nil {
		return nil, err
	}
	paired, err := endPaired(ctx, tx, keyPairings(keyID))
	return append(minted, paired...), err
}
