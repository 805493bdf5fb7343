package auth

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// CredentialKind is the kind of credential that a principal presented.
type CredentialKind uint8

// The kinds of credential that a header may carry, and the one that only a body
// does.
const (
	DeveloperToken CredentialKind = iota + 1
	APIKey
	UserToken
	AppSecret
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
	AuditRead     Scope = "audit:read"

	CredentialsVerify Scope = "credentials:verify"

	// DataRead, DataWrite and ConnectionsWrite are for what is forwarded to an upstream
	// product. Without one, DataWrite and ConnectionsWrite are for its mobile SDKs alone.
	DataRead         Scope = "data:read"
	DataWrite        Scope = "data:write"
	ConnectionsWrite Scope = "connections:write"
)

// Scopes lists every scope, in the order in which a key shows them.
var Scopes = []string{
	string(UsersRead), string(UsersWrite), string(WorkoutsRead), string(WorkoutsWrite), string(TokensWrite),
	string(AuditRead), string(CredentialsVerify), string(DataRead), string(DataWrite), string(ConnectionsWrite),
}

// userScope is the scope in the token of a user.
const userScope = "sdk"

// Principal is who a valid credential stands for. Requests share it, so it
// never changes once it is made.
type Principal struct {
	Kind      CredentialKind
	ID        string    // developer id, key id, or user id
	SessionID string    // of a token
	AppID     string    // who minted a user token
	Scopes    []string  // of an API key
	Until     time.Time // from then on it is refused; zero = never

	// DeprecatedAt is set if the older secret of an API key was presented. It
	// is when the newer one was made; Until is then when the older one ends.
	DeprecatedAt time.Time

	subject    string    // the key or session that it ends with
	signedBy   string    // the id of the signing key of a token
	version    uint64    // of the subject, from before the verification
	verifiedAt time.Time // when the verification began, by the clock of the machine
	used       *lastUse
	older      *olderUse // of the older secret of an API key, if that was presented

	networks []netip.Prefix // where an API key may be used from; none = everywhere
}

// Holder is who holds the credential that a request has proved.
type Holder struct {
	Kind  CredentialKind // 0: none was proved
	ID    string         // developer id, key id, user id, or the app_id of an application
	AppID string         // who minted the token of a user
}

// expired reports whether the principal's own end has come.
func (p *Principal) expired(now time.Time) bool {
	return !p.Until.IsZero() && !now.Before(p.Until)
}

// admits reports whether the principal may act from the address. One that is unknown
// is in no network.
func (p *Principal) admits(a netip.Addr) bool {
	if len(p.networks) == 0 {
		return true
	}
	for i := range p.networks {
		if p.networks[i].Contains(a) {
			return true
		}
	}
	return false
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

// minter is the app_id of the tokens that p mints.
func (p *Principal) minter() string {
	if p.Kind == DeveloperToken {
		return adminMinter(p.ID)
	}
	return keySubject(p.ID)
}

// RequireDeveloper admits only the sessions of developers.
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

// RequireKey admits only API keys, whatever their scopes.
func RequireKey(ctx context.Context) (*Principal, error) {
	p, err := CallerFrom(ctx).principal()
	if err != nil {
		return nil, err
	}
	if p.Kind != APIKey {
		return nil, errNotAllowed()
	}
	return p, nil
}

// RequireAccount admits the sessions of developers, and API keys that have the
// scope.
func RequireAccount(ctx context.Context, s Scope) (*Principal, error) {
	p, err := CallerFrom(ctx).principal()
	if err != nil {
		return nil, err
	}
	switch p.Kind {
	case DeveloperToken:
		return p, nil
	case APIKey:
		if err := p.requireScope(s); err != nil {
			return nil, err
		}
		return p, nil
	default:
		return nil, errNotAllowed()
	}
}

// requireScope returns nil, or the refusal of an API key that lacks the scope.
func (p *Principal) requireScope(s Scope) error {
	if !slices.Contains(p.Scopes, string(s)) {
		return errScope(s)
	}
	return nil
}

// RequireOwner admits whom RequireAccount admits, and the user by its own
// token. The token of another user is refused alike whether or not userID
// exists.
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
