package auth

import (
	"context"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Introspection is what RFC 7662 says of a token. The other members are zero unless it
// is active.
type Introspection struct {
	Active    bool
	Kind      string // as in a Verification
	Subject   string // an id
	Scope     string // with a space between two
	ClientID  string // what minted the token of a user
	Issuer    string
	ExpiresAt time.Time // zero: never
}

// Introspect tells whether a token is active, as RFC 7662 does: an API key or an access
// token, as in Verify. It admits whom Verify admits and, without a credential in the
// header, an application, to which only the tokens that it was exchanged for are active.
// One whose limit is used up is active.
func (s *Verifications) Introspect(ctx context.Context, app AppCredentials, token string) (Introspection, error) {
	by, err := s.introspector(ctx, app)
	if err != nil {
		return Introspection{}, err
	}
	if token == "" || len(token) > maxVerified {
		return Introspection{}, nil
	}
	v, err := s.judge(ctx, by, &CredentialCheck{Credential: token}, false)
	if err != nil || !v.Valid && v.Reason != limited || by.Kind == AppSecret && (v.AppID == nil || *v.AppID != by.ID) {
		return Introspection{}, err
	}
	_, id, _ := strings.Cut(*v.Subject, ":")
	out := Introspection{
		Active: true, Kind: *v.Kind, Subject: id, Scope: strings.Join(v.Scopes, " "), Issuer: s.signer.issuer,
	}
	if v.AppID != nil {
		out.ClientID = *v.AppID
	}
	if v.ExpiresAt != nil {
		out.ExpiresAt = *v.ExpiresAt
	}
	return out, nil
}

// introspector returns who asks: the principal of the header, or the application.
func (s *Verifications) introspector(ctx context.Context, app AppCredentials) (*Principal, error) {
	if app == (AppCredentials{}) {
		return RequireAccount(ctx, CredentialsVerify)
	}
	c := CallerFrom(ctx)
	proof, err := s.tokens.prove(ctx, c, app, "")
	if err != nil {
		return nil, err
	}
	ctx, end := settle(ctx)
	defer end()
	limit := ratelimit.Step{Action: ratelimit.ToTake, Policy: s.limits.Verify, ID: app.AppID}
	return &Principal{Kind: AppSecret, ID: app.AppID}, s.tokens.accept(ctx, c, proof, limit)
}
