package auth

import (
	"context"
	"slices"
	"time"
)

// CredentialKind is what kind of credential a principal proved.
type CredentialKind uint8

// The kinds of credential that a header may carry.
const (
	DeveloperToken CredentialKind = iota + 1
	APIKey
	UserToken
)

// Scope is one permission of an API key.
type Scope string

// The scopes of an API key.
const (
	UsersRead     Scope = "users:read"
	UsersWrite    Scope = "users:write"
	WorkoutsRead  Scope = "workouts:read"
	WorkoutsWrite Scope = "workouts:write"
	TokensWrite   Scope = "tokens:write"
)

// Scopes lists every scope, in the order in which a key shows them.
var Scopes = []string{
	string(UsersRead), string(UsersWrite), string(WorkoutsRead), string(WorkoutsWrite), string(TokensWrite),
}

// Principal is a proved credential. It is shared between requests and never
// changed after it was made.
type Principal struct {
	Kind      CredentialKind
	ID        string    // developer id, key id, or user id
	SessionID string    // of a token
	AppID     string    // of a user token: who minted it
	Scopes    []string  // of an API key
	Until     time.Time // the instant from which it is refused; zero = never

	// DeprecatedAt is set when an API key's older secret was presented: since
	// when there is a newer one. Until is then when the older one ends.
	DeprecatedAt time.Time

	subject    string    // whose end ends it: of a key or a session
	version    uint64    // of the subject before the proof
	verifiedAt time.Time // when the proof began
	used       *lastUse
}

// expired says whether p's own end has come.
func (p *Principal) expired(now time.Time) bool {
	return !p.Until.IsZero() && !now.Before(p.Until)
}

// Actor names the principal in audit rows.
func (p *Principal) Actor() string {
	switch p.Kind {
	case DeveloperToken:
		return developerSubject(p.ID)
	case APIKey:
		return keySubject(p.ID)
	default:
		return userSubject(p.ID)
	}
}

// minter is what app_id says in a token that p mints.
func (p *Principal) minter() string {
	if p.Kind == DeveloperToken {
		return adminMinter(p.ID)
	}
	return keySubject(p.ID)
}

// RequireDeveloper admits developer sessions alone.
func RequireDeveloper(ctx context.Context) (*Principal, error) {
	p, err := CallerFrom(ctx).principal()
	if err != nil {
		return nil, err
	}
	if p.Kind != DeveloperToken {
		return nil, errNotAllowed()
	}
	return p, nil
}

// RequireAccount admits developer sessions, and API keys that have the scope.
func RequireAccount(ctx context.Context, s Scope) (*Principal, error) {
	p, err := CallerFrom(ctx).principal()
	if err != nil {
		return nil, err
	}
	switch {
	case p.Kind == DeveloperToken:
		return p, nil
	case p.Kind != APIKey:
		return nil, errNotAllowed()
	case !slices.Contains(p.Scopes, string(s)):
		return nil, errScope(s)
	}
	return p, nil
}

// RequireOwner admits whom RequireAccount admits, and the user itself by its
// own token. Another user's token is refused alike whether userID exists.
func RequireOwner(ctx context.Context, s Scope, userID string) (*Principal, error) {
	p, err := CallerFrom(ctx).principal()
	if err != nil {
		return nil, err
	}
	if p.Kind != UserToken {
		return RequireAccount(ctx, s)
	}
	if p.ID != userID {
		return nil, errOtherUser()
	}
	return p, nil
}
