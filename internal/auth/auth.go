package auth

import (
	"context"
	"log/slog"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// Auth is the domain's services over one store. Safe for concurrent use.
type Auth struct {
	Authenticator *Authenticator
	Sessions      *Sessions
	Developers    *Developers
	Keys          *Keys
	Applications  *Applications
	Users         *Users
	Tokens        *Tokens
	Signing       *Signing
	Limits        *Limiter
}

// Ports are what the domain needs from outside.
type Ports struct {
	Store     Store
	LastUses  LastUses
	Vault     *credential.Vault
	Passwords *credential.Passwords
	Peers     Peers
	Now       func() time.Time
	Log       *slog.Logger
}

// core is what the services share.
type core struct {
	config    Config
	store     Store
	vault     *credential.Vault
	passwords *credential.Passwords
	peers     Peers
	now       func() time.Time
	log       *slog.Logger
	cache     *cache
	uses      *lastUses
	signer    *signer
	running   *running
	turns     *turns
}

// New returns the services. Signing keys are loaded, or made where there are
// none.
func New(ctx context.Context, config Config, p Ports) (*Auth, error) {
	c := &core{
		config: config, store: p.Store, vault: p.Vault, passwords: p.Passwords, peers: p.Peers,
		now: p.Now, log: p.Log, cache: newCache(), uses: newLastUses(p.LastUses), running: newRunning(), turns: newTurns(),
	}
	c.signer = &signer{config: &c.config}
	a := &Auth{
		Authenticator: &Authenticator{c},
		Sessions:      &Sessions{c},
		Developers:    &Developers{c},
		Keys:          &Keys{c},
		Applications:  &Applications{c},
		Users:         &Users{c},
		Tokens:        &Tokens{c},
		Signing:       &Signing{c},
		Limits:        &Limiter{c},
	}
	return a, a.Signing.start(ctx)
}

// Flush writes when credentials were last used. Call it each second, and once
// before the store is closed.
func (a *Auth) Flush(ctx context.Context) error {
	c := a.Authenticator.core
	defer c.uses.prune(c.now().Add(-c.config.AccessTTL - time.Minute))
	return c.uses.flush(ctx)
}
