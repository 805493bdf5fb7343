package auth

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// Auth holds the services of the domain over one store. Safe for concurrent
// use.
type Auth struct {
	Authenticator *Authenticator
	Logins        *Logins
	Setup         *Setup
	Sessions      *Sessions
	RefreshTokens *RefreshTokens
	Developers    *Developers
	Keys          *Keys
	Applications  *Applications
	Users         *Users
	Tokens        *Tokens
	Audits        *Audits
	Leaks         *Leaks
	Verifications *Verifications
	Signing       *Signing
	Webhooks      *Webhooks
	Invitations   *Invitations
	Imports       *Imports
	Pairings      *Pairings
	Limits        *Limiter
	Mirror        *Mirror    // nil: there is no upstream
	Adoptions     *Adoptions // nil: nothing is adopted

	uses  *lastUses
	trail *trail
	now   func() time.Time
}

// Ports is what the domain needs from outside.
type Ports struct {
	Store     Store
	LastUses  LastUses
	Vault     *credential.Vault
	Passwords *credential.Passwords
	Peers     Peers
	Webhooks  WebhookSender
	Upstream  Upstream            // nil: none, or none that this process asks
	Adopt     UpstreamCredentials // nil: what is unknown here is refused
	Now       func() time.Time    // the store's time, with which ends in it are compared
	Log       *slog.Logger

	// Machine is the clock of this machine, for spans, which a correction of Now
	// must not stretch. Nil means Now.
	Machine func() time.Time
	// Await returns a context for the wait of a request for work that it shares
	// with others, which ends when the request's time in the store does. Nil
	// means context.WithCancel.
	Await func(context.Context) (context.Context, context.CancelFunc)
	// Fresh returns a context whose calls of the store have the time of a new
	// request. Nil: the context itself.
	Fresh func(context.Context) context.Context
}

func (p Ports) withDefaults() Ports {
	if p.Machine == nil {
		p.Machine = p.Now
	}
	if p.Await == nil {
		p.Await = context.WithCancel
	}
	if p.Fresh == nil {
		p.Fresh = func(ctx context.Context) context.Context { return ctx }
	}
	return p
}

// New returns the services. It loads the signing keys and makes the first one
// if the store has none, unless the process issues nothing.
func New(ctx context.Context, config Config, p Ports) (*Auth, error) {
	p = p.withDefaults()
	limits := &config.Limits
	uses := newLastUses(p.LastUses, p.Now, config.AccessTTL+time.Minute)
	signer := &signer{
		store: p.Store, vault: p.Vault, now: p.Now, machine: p.Machine, await: p.Await,
		issuer: config.Issuer, accessTTL: config.AccessTTL,
	}
	credentials := &credentials{
		store: p.Store, vault: p.Vault, signer: signer, versions: p.Peers,
		cache: newCache(), uses: uses, pages: config.KeysInBrowsers, now: p.Now, machine: p.Machine, log: p.Log,
	}
	p.Store.OnEnd(credentials.forgetAll)
	buckets := &buckets{limits: limits, peers: p.Peers, now: p.Now, log: p.Log}
	trail := &trail{store: p.Store, now: p.Now, log: p.Log}
	passwords := &passwords{
		hasher: p.Passwords, policy: config.Passwords, buckets: buckets, attempts: limits.LoginAccount, trail: trail,
	}
	replays := newReplays(p.Store, p.Vault)
	issuer := &issuer{signer: signer, vault: p.Vault, idle: config.RefreshIdle, absolute: config.RefreshAbsolute}
	revoker := &revoker{store: p.Store, credentials: credentials}
	finder := &finder{store: p.Store, vault: p.Vault, signer: signer, now: p.Now}
	recognizer := &recognizer{store: p.Store, vault: p.Vault, finder: finder, knownFor: limits.KnownAddress, now: p.Now}
	var mirror *Mirror
	if p.Upstream != nil || config.Mirrored {
		mirror = &Mirror{store: p.Store, upstream: p.Upstream, now: p.Now, machine: p.Machine, log: p.Log}
	}
	a := &Auth{
		Mirror:        mirror,
		Authenticator: &Authenticator{credentials, trail},
		Logins: &Logins{
			store: p.Store, vault: p.Vault, passwords: passwords, buckets: buckets, replays: replays, issuer: issuer,
			credentials: credentials, recognizer: recognizer, maxSessions: config.Quotas.DeveloperSessions,
		},
		Sessions: &Sessions{store: p.Store, revoker: revoker, uses: uses, now: p.Now},
		RefreshTokens: &RefreshTokens{
			store: p.Store, vault: p.Vault, finder: finder,
			buckets: buckets, perSession: limits.RefreshSession, repeatsLost: config.RepeatLostRefreshes, issuer: issuer, trail: trail, queue: newSessionQueue(),
			revoker: revoker, credentials: credentials,
		},
		Developers: &Developers{
			store: p.Store, vault: p.Vault, passwords: passwords, replays: replays, trail: trail, credentials: credentials, mirrored: mirror != nil,
		},
		Keys: &Keys{
			store: p.Store, vault: p.Vault, replays: replays, credentials: credentials, uses: uses, most: config.Quotas.Keys, now: p.Now,
		},
		Applications: &Applications{
			store: p.Store, vault: p.Vault, replays: replays, credentials: credentials, most: config.Quotas.Applications, now: p.Now,
		},
		Users: &Users{store: p.Store, vault: p.Vault, replays: replays, credentials: credentials, most: config.Quotas.Users, mirror: mirror},
		Tokens: &Tokens{
			store: p.Store, vault: p.Vault, buckets: buckets, limits: limits, replays: replays, issuer: issuer,
			trail: trail, credentials: credentials, uses: uses, imported: newImportedSecrets(p.Store, p.Vault, p.Passwords, p.Fresh),
			mirrored: mirror != nil, maxSessions: config.Quotas.UserSessions, pages: config.KeysInBrowsers, now: p.Now,
		},
		Leaks: &Leaks{store: p.Store, vault: p.Vault, finder: finder, revoker: revoker, credentials: credentials},
		Signing: &Signing{
			store: p.Store, vault: p.Vault, signer: signer,
			algorithm: config.SigningAlgorithm, accessTTL: config.AccessTTL, now: p.Now, log: p.Log,
		},
		Limits: &Limiter{buckets: buckets, credentials: credentials},
		uses:   uses, trail: trail, now: p.Now,
	}
	a.Setup = &Setup{
		store: p.Store, vault: p.Vault, passwords: passwords, replays: replays, logins: a.Logins, trail: trail, now: p.Now,
	}
	a.Verifications = &Verifications{
		store: p.Store, vault: p.Vault, signer: signer, credentials: credentials, buckets: buckets, limits: limits, tokens: a.Tokens, now: p.Now,
	}
	a.Webhooks = &Webhooks{store: p.Store, vault: p.Vault, replays: replays, sender: p.Webhooks, fresh: p.Fresh, now: p.Now}
	a.Invitations = &Invitations{
		store: p.Store, vault: p.Vault, passwords: passwords, buckets: buckets, replays: replays, trail: trail, now: p.Now,
	}
	a.Imports = &Imports{
		store: p.Store, vault: p.Vault, issuer: issuer, credentials: credentials, developers: a.Developers, users: a.Users,
	}
	a.Pairings = &Pairings{store: p.Store, vault: p.Vault, buckets: buckets, limits: limits, replays: replays, tokens: a.Tokens}
	a.Audits = &Audits{store: p.Store, vault: p.Vault, limits: a.Limits, fresh: p.Fresh, now: p.Now}
	return a.adopting(p, passwords), a.Signing.start(ctx, !config.IssuesNothing)
}

// adopting returns a, whose services adopt what only the upstream knows if that may be
// asked.
func (a *Auth) adopting(p Ports, passwords *passwords) *Auth {
	if p.Adopt == nil {
		return a
	}
	ad := &adopter{
		imports: a.Imports, upstream: p.Adopt, buckets: passwords.buckets, limits: passwords.buckets.limits, passwords: passwords,
		fresh: p.Fresh, machine: p.Machine, log: p.Log, places: make(chan struct{}, maxQuestions),
	}
	a.Adoptions = &Adoptions{ad}
	a.Limits.adopter, a.Logins.adopter, a.RefreshTokens.adopter, a.Tokens.adopter = ad, ad, ad, ad
	a.Verifications.adopter, a.Leaks.adopter, a.Users.adopter = ad, ad, ad
	if a.Mirror != nil {
		a.Mirror.missing = ad.user
	}
	return a
}

// Flush writes when credentials were last used, and the sums of refusals whose
// minute is over. Call it every second.
func (a *Auth) Flush(ctx context.Context) error {
	return errors.Join(a.uses.flush(ctx), a.trail.write(ctx, a.trail.refusals.Due(a.now())))
}

// Close writes what Flush writes, and the other sums too. Call it before the
// store is closed.
func (a *Auth) Close(ctx context.Context) error {
	return errors.Join(a.uses.flush(ctx), a.trail.write(ctx, a.trail.refusals.All()))
}

// UnwrittenRefusals returns how many sums of refusals wait to be written although
// their minute is over, and how many refusals were lost since too many sums waited.
func (a *Auth) UnwrittenRefusals() (waiting int, lost int64) { return a.trail.refusals.Backlog() }
