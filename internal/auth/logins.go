package auth

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Logins logs developers in.
type Logins struct {
	store       Store
	vault       *credential.Vault
	passwords   *passwords
	buckets     *buckets
	replays     *replays
	issuer      *issuer
	credentials *credentials
	recognizer  *recognizer
	adopter     *adopter
	maxSessions int // of one developer
}

// Login authenticates a developer by password and opens a session. An unknown
// email, a wrong, empty or missing password and a disabled developer get the
// same answer in equal time. Refused attempts are limited by account, and apart
// from those for the devices and addresses that the account logged in from lately,
// and for the neighbours of these addresses, so that an attacker cannot lock its
// owner out. One that the service cannot look at spends
// no limit, neither the account's nor the address's. Safe to retry with an
// Idempotency-Key.
func (s *Logins) Login(ctx context.Context, in LoginInput) (Grant, error) {
	c := CallerFrom(ctx)
	grant, err := s.login(ctx, c, in)
	if e, ok := errors.AsType[*problem.Error](err); ok && e.Kind == problem.Unavailable && ctx.Err() == nil {
		s.buckets.refund(ctx, c)
	}
	return grant, err
}

func (s *Logins) login(ctx context.Context, c *Caller, in LoginInput) (Grant, error) {
	if _, err := c.idempotencyKey(); err != nil {
		return Grant{}, err
	}
	row, err := s.store.DeveloperByEmail(ctx, in.Email)
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return Grant{}, err
	}
	who, err := s.recognizer.recognize(ctx, c, &in, FoldEmail(in.Email), &row)
	if err != nil {
		return Grant{}, err
	}
	g := guess{password: in.Password, known: who.known, bucket: who.bucket, action: audit.Login, refusal: errInvalidLogin}
	for {
		var grant Grant
		err = s.passwords.attempt(ctx, g, func(ctx context.Context) (StoredDeveloper, error) { return s.orAdopted(ctx, row, in) },
			func(ctx context.Context, d StoredDeveloper) (err error) {
				c.proved = Holder{Kind: DeveloperToken, ID: d.ID}
				grant, err = s.openSession(ctx, c, d, s.passwords.rehash(ctx, &d, in.Password), who.device, in.UseCookie)
				return err
			})
		if !errors.Is(err, errRehashed) { // which is at most once: nothing becomes bcrypt
			return grant, err
		}
		if row, err = s.store.Developer(ctx, row.ID); err != nil && !errors.Is(err, problem.ErrNotFound) {
			return Grant{}, err
		}
	}
}

// orAdopted returns the developer who was found or, if nobody was, the one whom the
// upstream knows.
func (s *Logins) orAdopted(ctx context.Context, found StoredDeveloper, in LoginInput) (StoredDeveloper, error) {
	if found.ID != "" || s.adopter == nil {
		return found, nil
	}
	d, err := s.adopter.developer(ctx, in.Email, in.Password)
	if errors.Is(err, problem.ErrNotFound) {
		return StoredDeveloper{}, nil
	}
	return d, err
}

// errRehashed means that another login has replaced the bcrypt hash of the password
// while this one compared with it.
var errRehashed = errors.New("auth: the password was hashed anew meanwhile")

// openSession opens a session of a developer whose password was verified, and stores
// rehashed, unless it is "", in the place of the hash of it.
func (s *Logins) openSession(ctx context.Context, c *Caller, verified StoredDeveloper, rehashed string, device deviceID, useCookie bool) (Grant, error) {
	var ended []string
	k := call{"Login", developerSubject(verified.ID), useCookie, replayTokensFor}
	grant, err := once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (Grant, error) {
		d, err := tx.Developer(ctx, verified.ID)
		if err == nil && d.PasswordHash != verified.PasswordHash && credential.IsBcrypt(verified.PasswordHash) {
			return Grant{}, errRehashed
		}
		if errors.Is(err, problem.ErrNotFound) || err == nil && (d.Disabled || d.PasswordHash != verified.PasswordHash) {
			return Grant{}, errInvalidLogin() // it changed while the password was being verified
		} else if err != nil {
			return Grant{}, err
		}
		if rehashed != "" {
			if err := replaceImported(ctx, tx, s.vault, d, rehashed); err != nil {
				return Grant{}, err
			}
		}
		if ended, err = s.makeRoom(ctx, tx, c, d.ID); err != nil {
			return Grant{}, err
		}
		return s.begin(ctx, tx, c, &d, device, useCookie)
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	return grant, err
}

// replaceImported stores the hash of a password in the place of the one that was imported.
func replaceImported(ctx context.Context, tx Tx, vault *credential.Vault, d StoredDeveloper, hash string) error {
	imported, err := tx.Imported(ctx, ImportedDeveloper, d.ID)
	if err == nil {
		imported.Secret = importedPassword(vault, hash)
		err = tx.PutImported(ctx, imported)
	}
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return err
	}
	d.PasswordHash = hash
	return tx.UpdateDeveloper(ctx, d)
}

// begin opens a session of a developer who was authenticated, and makes the caller
// known to the account.
func (s *Logins) begin(ctx context.Context, tx Tx, c *Caller, d *StoredDeveloper, device deviceID, useCookie bool) (Grant, error) {
	if err := s.recognizer.meet(ctx, tx, c, d.ID); err != nil {
		return Grant{}, err
	}
	e := c.Event(audit.Login, developerSubject(d.ID), tx.Now())
	e.Actor = e.Subject
	if err := tx.Record(ctx, e); err != nil {
		return Grant{}, err
	}
	grant, err := s.issuer.open(ctx, tx, c, StoredSession{DeveloperID: d.ID})
	if useCookie {
		grant.Device = deviceToken(s.vault, d, cmp.Or(device, newDeviceID()), tx.Now())
		grant.DeviceExpiresAt = tx.Now().Add(s.recognizer.knownFor)
	}
	return grant, err
}

// makeRoom ends the sessions that were idle longest of a developer who has
// maxSessions or more, with the user tokens that they minted. It returns the ids
// of all sessions that it ended.
func (s *Logins) makeRoom(ctx context.Context, tx Tx, c *Caller, developerID string) ([]string, error) {
	own, err := tx.TrimSessions(ctx, SessionFilter{DeveloperID: developerID}, s.maxSessions-1)
	if err != nil {
		return nil, err
	}
	ended := slices.Clone(own)
	for _, id := range own {
		minted, err := tx.EndSessions(ctx, SessionFilter{MintedBy: id}, tx.Now())
		if err != nil {
			return nil, err
		}
		ended = append(ended, minted...)
	}
	return ended, recordSessions(ctx, tx, c, audit.Revoke, own)
}
