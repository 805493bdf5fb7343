package auth

import (
	"context"
	"errors"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
)

// Authenticator proves what a request presents.
type Authenticator struct{ *core }

// Key proves an API key. Everything that is not one, or no longer, is the same
// 401; a string that fails its checksum is refused without a lookup.
func (a *Authenticator) Key(ctx context.Context, secret string) (*Principal, error) {
	if !credential.ValidKey(secret) {
		return nil, errInvalidKey()
	}
	h := a.vault.Hash(secret)
	p, epoch := a.cache.get(h)
	now := a.now()
	if p == nil {
		k, err := a.store.KeyByHash(ctx, h)
		if errors.Is(err, ErrNotFound) {
			return nil, errInvalidKey()
		} else if err != nil {
			return nil, err
		}
		if p = a.keyPrincipal(&k, h); !k.Enabled || p.expired(now) {
			return nil, errInvalidKey()
		}
		a.cache.put(epoch, h, p, []string{"key:" + k.ID})
	} else if p.expired(now) {
		a.cache.remove(h)
		return nil, errInvalidKey()
	}
	p.used.touch(now)
	return p, nil
}

func (a *Authenticator) keyPrincipal(k *StoredKey, h credential.Hash) *Principal {
	p := &Principal{Kind: APIKey, ID: k.ID, Scopes: k.Scopes, used: a.uses.key(k.ID)}
	if k.ExpiresAt != nil {
		p.Until = *k.ExpiresAt
	}
	if h != k.Hash { // the older secret, for as long as the overlap lasts
		p.DeprecatedAt = *k.RotatedAt
		if end := *k.PreviousExpiresAt; p.Until.IsZero() || end.Before(p.Until) {
			p.Until = end
		}
	}
	return p
}

// Token proves an access token of either kind, and that its session still
// lives.
func (a *Authenticator) Token(ctx context.Context, token string) (*Principal, error) {
	h := a.vault.Hash(token)
	p, epoch := a.cache.get(h)
	now := a.now()
	if p != nil && p.expired(now) { // the session may have been prolonged since
		a.cache.remove(h)
		p = nil
	}
	if p == nil {
		var err error
		if p, err = a.proveToken(ctx, token, now); err != nil {
			return nil, err
		}
		a.cache.put(epoch, h, p, tokenSubjects(p))
	}
	p.used.touch(now)
	return p, nil
}

func (a *Authenticator) proveToken(ctx context.Context, token string, now time.Time) (*Principal, error) {
	claims, err := a.signer.verify(token, now)
	if errors.Is(err, credential.ErrTokenExpired) {
		return nil, errTokenExpired()
	} else if err != nil {
		return nil, errInvalidToken()
	}
	row, err := a.store.Session(ctx, claims.SessionID)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	p := &Principal{Kind: DeveloperToken, ID: claims.Subject, SessionID: claims.SessionID}
	holder := row.DeveloperID
	if claims.Audience == userAudience {
		p.Kind, p.AppID, holder = UserToken, claims.AppID, row.UserID
	}
	if err != nil || !row.live(now) || holder != claims.Subject ||
		(p.Kind == UserToken) != (claims.Scope == userScope) {
		return nil, errInvalidToken()
	}
	p.Until = earlier(claims.ExpiresAt, row.ExpiresAt)
	p.used = a.uses.session(row.ID)
	return p, nil
}

func tokenSubjects(p *Principal) []string {
	return []string{"session:" + p.SessionID}
}

// Bearer proves a credential whose form tells its kind: an API key or an
// access token.
func (a *Authenticator) Bearer(ctx context.Context, s string) (*Principal, error) {
	if credential.HasKeyForm(s) {
		return a.Key(ctx, s)
	}
	return a.Token(ctx, s)
}
