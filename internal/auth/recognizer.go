package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// recognizer tells the callers whom an account knows from strangers. Safe for
// concurrent use.
type recognizer struct {
	store    Reader
	vault    *credential.Vault
	finder   *finder
	knownFor time.Duration // how long a login makes its device and address known
	now      func() time.Time
}

// acquaintance is what an account has with a caller who would log in to it.
type acquaintance struct {
	bucket string   // counts the caller's refused logins
	known  bool     // whether the device or the address has logged in lately
	device deviceID // of the caller's valid device token, if there is one
}

// recognize returns what the account of the email has with the caller. A device, a
// session, an address and a network that the account knows each have a bucket of
// their own, in this order; all others share one. Accounts that do not exist have
// strangers only.
func (s *recognizer) recognize(ctx context.Context, c *Caller, in *LoginInput, email string, d *StoredDeveloper) (acquaintance, error) {
	h := s.vault.HashParts("login-account", email)
	account, since := string(h[:]), s.now().Add(-s.knownFor)
	if id, ok := knownDevice(s.vault, d, in.Device, since); ok {
		return acquaintance{account + "device:" + string(id[:]), true, id}, nil
	}
	session, err := s.session(ctx, in.Session, d)
	if err != nil || session != "" {
		return acquaintance{account + "session:" + session, true, deviceID{}}, err
	}
	known, err := s.store.SeenAddress(ctx, d.ID, c.AddressID(), since)
	if err != nil || known {
		return acquaintance{account + c.AddressID(), true, deviceID{}}, err
	}
	near, err := s.store.SeenAddress(ctx, d.ID, c.neighbourhood(), since)
	if near {
		account += c.neighbourhood()
	}
	return acquaintance{bucket: account}, err
}

// session returns the id of the developer's session that a refresh token of any
// generation belongs to, "" if there is none. Of a session that has ended it knows
// nothing: whoever was to be kept out may hold its tokens.
func (s *recognizer) session(ctx context.Context, token string, d *StoredDeveloper) (string, error) {
	if token == "" {
		return "", nil
	}
	row, _, err := s.finder.byRefreshToken(ctx, token)
	if errors.Is(err, problem.ErrNotFound) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	if d.ID == "" || row.DeveloperID != d.ID || !row.live(s.now()) {
		return "", nil
	}
	return row.ID, nil
}

// meet makes the caller's address and its neighbours known to the developer's
// account.
func (s *recognizer) meet(ctx context.Context, tx Tx, c *Caller, developerID string) error {
	if err := tx.SawAddress(ctx, developerID, c.AddressID(), tx.Now()); err != nil || c.neighbourhood() == "" {
		return err
	}
	return tx.SawAddress(ctx, developerID, c.neighbourhood(), tx.Now())
}
