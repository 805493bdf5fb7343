package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Tokens mints and ends the tokens of users.
type Tokens struct {
	store       Store
	vault       *credential.Vault
	buckets     *buckets
	limits      *Limits
	replays     *replays
	issuer      *issuer
	trail       *trail
	credentials *credentials
	uses        *lastUses
	imported    *importedSecrets
	adopter     *adopter
	mirrored    bool // users may have tokens upstream
	maxSessions int  // of one user
	pages       bool // may use the secrets of applications
	now         func() time.Time
}

// Create mints a pair for a user: in the name of the application whose
// credentials are given, otherwise of the caller. An unknown application and a
// wrong secret are refused alike. Safe to retry with an Idempotency-Key.
func (s *Tokens) Create(ctx context.Context, userID string, app AppCredentials) (Grant, error) {
	c := CallerFrom(ctx)
	id, err := UserID(userID)
	if err != nil {
		return Grant{}, err
	}
	var mint StoredSession
	switch {
	case app.AppID != "" && app.AppSecret != "":
		mint, err = s.exchange(ctx, c, app, id)
	case app.AppID != "" || app.AppSecret != "" || c.Principal == nil && c.Refused == nil:
		err = errMissingCredentials()
	default:
		mint, err = s.forCaller(ctx)
	}
	if err != nil {
		return Grant{}, err
	}
	if app.AppID != "" {
		settling, end := settle(ctx)
		defer end()
		ctx = settling
	}
	mint.UserID = id
	if app.AppID == "" {
		if err := s.findUser(ctx, id); err != nil {
			return Grant{}, userError(err)
		}
	}
	if app.AppID != "" && c.IdempotencyKey == nil {
		if grant, ok, err := s.mintAtOnce(ctx, c, mint); ok || err != nil {
			return grant, err
		}
	}
	return s.mint(ctx, c, mint)
}

// mintAtOnce opens the session in one step, if user and application still are as they
// were judged and the user has few sessions. It reports false if a transaction has to
// look again; it has then done nothing.
func (s *Tokens) mintAtOnce(ctx context.Context, c *Caller, row StoredSession) (Grant, bool, error) {
	s.issuer.begin(&row, c, time.Time{})
	e := c.Event(audit.TokenMint, userSubject(row.UserID), time.Time{})
	e.Actor = applicationSubject(row.AppID)
	m := Minting{
		Session: row, Application: c.exchanger, Most: s.maxSessions, Idle: s.issuer.idle, Absolute: s.issuer.absolute, Event: e,
	}
	if c.exchanged != c.exchanger.Hash {
		m.Until = c.exchanger.PreviousExpiresAt
	}
	at, ok, err := s.store.MintSession(ctx, m)
	if err != nil || !ok {
		return Grant{}, false, err
	}
	s.issuer.beginAt(&row, at)
	grant, err := s.issuer.grant(&row, at)
	return grant, true, err
}

func (s *Tokens) mint(ctx context.Context, c *Caller, row StoredSession) (Grant, error) {
	actor := c.actor()
	if c.Principal == nil {
		actor = applicationSubject(row.AppID)
	}
	var ended []string
	k := call{"CreateUserToken", actor, row.UserID, replayTokensFor}
	grant, err := once(ctx, s.replays, k, func(ctx context.Context, tx Tx) (Grant, error) {
		if err := s.requirePresent(ctx, tx, c, row); err != nil {
			return Grant{}, err
		}
		e := c.Event(audit.TokenMint, userSubject(row.UserID), tx.Now())
		e.Actor = actor
		grant, trimmed, err := s.open(ctx, tx, c, row, e)
		ended = trimmed
		return grant, err
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	return grant, err
}

// open opens a session of a user, who must be claimed, and records the event. It ends the
// sessions for which there is no room any more, and returns their ids.
func (s *Tokens) open(ctx context.Context, tx Tx, c *Caller, row StoredSession, e audit.Event) (_ Grant, ended []string, err error) {
	if ended, err = tx.TrimSessions(ctx, SessionFilter{UserID: row.UserID}, s.maxSessions-1); err != nil {
		return Grant{}, nil, err
	}
	if err := tx.Record(ctx, e); err != nil {
		return Grant{}, nil, err
	}
	e.Action = audit.Revoke
	for _, id := range ended {
		e.Subject = sessionSubject(id)
		if err := tx.Record(ctx, e); err != nil {
			return Grant{}, nil, err
		}
	}
	grant, err := s.issuer.open(ctx, tx, c, row)
	return grant, ended, err
}

// requirePresent checks, in the transaction that mints, that the user still exists
// and that the minter's credential still counts and may still mint, so that what ends
// or narrows either leaves no token behind.
func (s *Tokens) requirePresent(ctx context.Context, tx Tx, c *Caller, row StoredSession) error {
	if _, err := tx.ClaimUser(ctx, row.UserID); err != nil { // its sessions are counted
		return userError(err)
	}
	p := c.Principal
	switch {
	case p == nil:
		a, err := tx.KeepApplication(ctx, row.AppID)
		if errors.Is(err, problem.ErrNotFound) || err == nil && !a.admits(c.exchanged, tx.Now()) {
			return errInvalidApp()
		}
		return err
	case p.Kind == APIKey:
		k, err := tx.Key(ctx, p.ID)
		if errors.Is(err, problem.ErrNotFound) {
			return errInvalidKey()
		} else if err != nil {
			return err
		}
		return s.credentials.requireMinter(&k, c, tx.Now())
	default:
		session, err := tx.Session(ctx, p.SessionID)
		if errors.Is(err, problem.ErrNotFound) || err == nil && !session.live(tx.Now()) {
			return errInvalidToken()
		}
		return err
	}
}

// forCaller returns the session to mint for a caller whose header holds a
// credential.
func (s *Tokens) forCaller(ctx context.Context) (StoredSession, error) {
	p, err := RequireAccount(ctx, TokensWrite)
	if err != nil {
		return StoredSession{}, err
	}
	row := StoredSession{AppID: p.minter()}
	if p.Kind == DeveloperToken {
		row.Actor, row.MintedBy = p.ID, p.SessionID
	}
	return row, nil
}

// exchange authenticates an application and returns the session to mint for it and the
// user. A credential in the header is ignored. Only refusals count against the
// address, so that any number of valid exchanges at once succeed; a caller who is
// gone by then counts like a refused one.
func (s *Tokens) exchange(ctx context.Context, c *Caller, app AppCredentials, userID string) (StoredSession, error) {
	proof, err := s.prove(ctx, c, app, userID)
	if err != nil {
		return StoredSession{}, err
	}
	missing := s.findUser(ctx, userID)
	ctx, end := settle(ctx)
	defer end()
	limits := []ratelimit.Step{{Action: ratelimit.ToTake, Policy: s.limits.ExchangeApp, ID: app.AppID}}
	if missing == nil {
		limits = append(limits, ratelimit.Step{Action: ratelimit.ToTake, Policy: s.limits.ExchangeUser, ID: userID})
	}
	if err := s.accept(ctx, c, proof, limits...); err != nil {
		return StoredSession{}, err
	}
	return StoredSession{AppID: app.AppID, UserID: userID}, userError(missing)
}

// proof is an application that a caller proved to be, and the hash of the secret.
type proof struct {
	row    StoredApplication
	secret credential.Hash
}

// prove authenticates an application. What is refused counts, and is recorded, as a
// refused exchange, whatever it was for: that is a guess at the secret. The caller must
// have the proof accepted before it learns anything of it. It is for a token of the user,
// who may be "".
func (s *Tokens) prove(ctx context.Context, c *Caller, app AppCredentials, userID string) (proof, error) {
	now := s.now()
	h := s.vault.Hash(app.AppSecret)
	row, err := s.application(ctx, app)
	if err == nil && !row.admits(h, now) && credential.IsImportedAppSecret(app.AppSecret) {
		row, err = s.checkImported(ctx, c, row, app.AppSecret, h)
	}
	if (errors.Is(err, problem.ErrNotFound) || err == nil && !row.admits(h, now)) && s.mayAdopt(app) {
		row, err = s.adopt(ctx, c, row, app, userID, h)
	}
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return proof{}, err
	}
	gone := problem.ContextError(ctx.Err())
	ctx, end := settle(ctx)
	defer end()
	if !row.admits(h, now) || err != nil {
		return proof{}, s.refuseExchange(ctx, c, row.AppID, errInvalidApp())
	}
	if gone != nil {
		return proof{}, s.refuseExchange(ctx, c, row.AppID, gone)
	}
	if c.Page && !s.pages {
		c.proved = Holder{Kind: AppSecret, ID: row.AppID}
		return proof{}, s.refuseExchange(ctx, c, row.AppID, errSecretInBrowser())
	}
	return proof{row, h}, nil
}

// checkImported is importedSecrets.check, unless the address has made too many guesses:
// each costs a comparison, so that one more is wrong unseen.
func (s *Tokens) checkImported(
	ctx context.Context, c *Caller, row StoredApplication, secret string, h credential.Hash,
) (StoredApplication, error) {
	w, err := s.buckets.peek(ctx, s.limits.ExchangeRefused, c.AddressID())
	if err != nil || !w.Admitted {
		return row, err
	}
	return s.imported.check(ctx, row, secret, h)
}

func (s *Tokens) mayAdopt(app AppCredentials) bool {
	return s.adopter != nil && credential.IsImportedAppID(app.AppID) && credential.IsImportedAppSecret(app.AppSecret)
}

// adopt is adopter.application, with the condition of checkImported: each question costs
// the upstream a comparison.
func (s *Tokens) adopt(
	ctx context.Context, c *Caller, row StoredApplication, app AppCredentials, userID string, h credential.Hash,
) (StoredApplication, error) {
	w, err := s.buckets.peek(ctx, s.limits.ExchangeRefused, c.AddressID())
	if err != nil || !w.Admitted {
		return row, err
	}
	adopted, err := s.adopter.application(ctx, app, userID, h)
	if errors.Is(err, problem.ErrNotFound) {
		return row, nil
	}
	return adopted, err
}

// findUser returns nil if the user is here, perhaps by adoption.
func (s *Tokens) findUser(ctx context.Context, id string) error {
	_, err := s.store.User(ctx, id)
	if errors.Is(err, problem.ErrNotFound) {
		err = s.adopter.user(ctx, id)
	}
	return err
}

// accept charges what a proof costs, in one step: nothing if the address has made too
// many guesses, whose right ones must look like the others; else the address gets back
// what it was charged, and the limits are charged, until one is used up. The answer
// describes the first of them, or the one that refuses.
func (s *Tokens) accept(ctx context.Context, c *Caller, p proof, limits ...ratelimit.Step) error {
	address := c.AddressID()
	steps := []ratelimit.Step{{Action: ratelimit.ToPeek, Policy: s.limits.ExchangeRefused, ID: address}}
	if c.Spent.Name != "" {
		steps = append(steps, ratelimit.Step{Action: ratelimit.ToReturn, Policy: c.Spent, ID: address})
	}
	first := len(steps)
	out, err := s.buckets.charge(ctx, append(steps, limits...)...)
	if err != nil && len(out) > 0 {
		c.Window = out[len(out)-1].Window
	}
	if len(out) <= first { // not even the first limit was reached
		return err
	}
	if err == nil {
		c.Window = out[first].Window
	}
	c.proved = Holder{Kind: AppSecret, ID: p.row.AppID}
	if c.Page {
		s.trail.noteInBrowser(c, audit.TokenMint, applicationSubject(p.row.AppID))
	}
	c.exchanged, c.exchanger = p.secret, p.row
	if p.secret != p.row.Hash {
		s.uses.exchanged(c, OlderSecret{AppSecret, p.row.AppID, p.row.PreviousExpiresAt.UnixMicro()})
	}
	c.Principal, c.Spent = nil, ratelimit.Policy{}
	return err
}

// refuseExchange counts a refused exchange, and records it if there is such an
// application; appID is "" if not. If the header holds a valid credential, the
// answer goes on describing its bucket.
func (s *Tokens) refuseExchange(ctx context.Context, c *Caller, appID string, refusal *problem.Error) error {
	w, err := s.buckets.spend(ctx, s.limits.ExchangeRefused, c.AddressID())
	if err != nil {
		return err
	}
	if c.Principal == nil || !w.Admitted {
		c.Window = w
	}
	c.Principal = nil
	if !w.Admitted {
		return s.buckets.refusal(w)
	}
	if c.Foreign = appID == ""; c.Foreign {
		return refusal
	}
	return s.trail.refuse(ctx, audit.TokenMint, applicationSubject(appID), refusal)
}

// application looks an application up if its credentials have the right form.
func (s *Tokens) application(ctx context.Context, app AppCredentials) (StoredApplication, error) {
	id := credential.Valid(credential.AppID, app.AppID) || credential.IsImportedAppID(app.AppID)
	if !id || !credential.Valid(credential.AppSecret, app.AppSecret) && !credential.IsImportedAppSecret(app.AppSecret) {
		return StoredApplication{}, problem.ErrNotFound
	}
	return s.store.Application(ctx, app.AppID)
}

// Revoke ends every session of a user. Their access and refresh tokens are
// refused once Revoke returns nil.
func (s *Tokens) Revoke(ctx context.Context, userID string) error {
	id, err := s.require(ctx, userID)
	if err != nil {
		return err
	}
	c := CallerFrom(ctx)
	var ended []string
	err = s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if _, err := tx.User(ctx, id); err != nil {
			return userError(err)
		}
		// The code first: whoever redeems it holds its row until the session is there.
		if err := tx.DeletePairingCodeOf(ctx, id); err != nil {
			return err
		}
		if ended, err = tx.EndSessions(ctx, SessionFilter{UserID: id}, tx.Now()); err != nil {
			return err
		}
		if s.mirrored { // those that the upstream has made end as well, whether or not they are here
			if err := leaveTrace(ctx, tx, s.vault, endedTokens, id); err != nil {
				return err
			}
		}
		return tx.Record(ctx, c.Event(audit.TokenRevoke, userSubject(id), tx.Now()))
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	return err
}
