package auth

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// pairing imports a pairing code, which works once, and as long as one of ours at most. A
// user has one code: the newest.
func (in *importing) pairing(ctx context.Context, p ImportPairing) error {
	before, err := in.earlier(ctx, ImportedPairing, p.ID)
	if err != nil {
		return err
	}
	if before != nil {
		in.result.Same++
		return nil
	}
	h := pairingHash(in.vault, p.Code)
	what, err := in.oddPairing(ctx, &p, h)
	if err != nil {
		return err
	}
	if what != "" {
		in.result.odd(ImportedPairing, p.ID, what+": it is not imported")
		return nil
	}
	in.result.New++
	return errors.Join(in.tx.PutPairingCode(ctx, StoredPairingCode{
		ID: p.ID, UserID: p.UserID, Hash: h, AppID: developerPairings(p.CreatedBy), CreatedAt: p.CreatedAt,
		ExpiresAt: earlier(p.ExpiresAt, in.tx.Now().Add(pairedFor)),
	}), in.tx.PutImported(ctx, Imported{Kind: ImportedPairing, ID: p.ID, Secret: hex.EncodeToString(h[:])}),
		in.record(ctx, audit.PairingCreate, userSubject(p.UserID), 1))
}

// oddPairing returns why a code cannot be imported, "" if it can.
func (in *importing) oddPairing(ctx context.Context, p *ImportPairing, h credential.Hash) (string, error) {
	if !in.dry { // nobody knows before whether the user and the developer will be here
		_, err := in.tx.User(ctx, p.UserID)
		if here, err := found(err); err != nil || !here {
			return "is of user " + p.UserID + ", who is not here", err
		}
		if err := requireMaker(ctx, in.tx, developerPairings(p.CreatedBy)); errors.Is(err, problem.ErrNotFound) {
			return "was made by developer " + p.CreatedBy + ", who is not here", nil
		} else if err != nil {
			return "", err
		}
	}
	_, err := in.tx.PairingCode(ctx, h)
	if taken, err := found(err); err != nil || taken {
		return "is the same as another one", err
	}
	current, err := in.tx.PairingCodeOf(ctx, p.UserID)
	if has, err := found(err); err != nil || !has {
		return "", err
	}
	if current.ExpiresAt.After(in.tx.Now()) && !current.CreatedAt.Before(p.CreatedAt) {
		return "is of user " + p.UserID + ", who has a newer one", nil
	}
	return "", nil
}

// endPairing ends an imported code that was redeemed or revoked there.
func (in *importing) endPairing(ctx context.Context, id string) error {
	imported, err := in.tx.Imported(ctx, ImportedPairing, id)
	if err != nil {
		return err
	}
	var h credential.Hash
	if _, err := hex.Decode(h[:], []byte(imported.Secret)); err != nil {
		return err
	}
	p, err := in.tx.PairingCode(ctx, h)
	if here, err := found(err); err != nil || !here {
		return err
	}
	err = in.tx.SpendPairingCode(ctx, h, in.tx.Now())
	if ended, err := found(err); err != nil || !ended { // redeemed meanwhile, or over
		return err
	}
	in.result.Ended++
	return in.record(ctx, audit.PairingRevoke, userSubject(p.UserID), 1)
}
