package auth

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// maxVerified is the length of the longest credential that is verified, in characters,
// and maxChecks how many are verified in one call.
const (
	maxVerified = 8192
	maxChecks   = 100
)

// CredentialCheck is a credential with the conditions that it is verified under; nil is
// none.
type CredentialCheck struct {
	Credential  string
	Operation   *string
	Scope       *string
	UserID      *string
	Environment *string
	IP          *string
	Spend       bool // count it as a request of the credential

	address netip.Addr // IP, once it was checked
}

// check checks the members, of which prefix begins the names.
func (in *CredentialCheck) check(v *problem.Check, prefix string) {
	v.Text(prefix+"credential", in.Credential, 1, maxVerified)
	given := func(name string, s *string) bool { return s != nil && v.Text(prefix+name, *s, 0, maxVerified) }
	if given("operation", in.Operation) {
		if _, ok := accesses[*in.Operation]; !ok {
			v.Fail(prefix+"operation", "must be the name of an operation that takes a credential in a header, such as ListWorkouts")
		}
	}
	if given("scope", in.Scope) {
		v.OneOf(prefix+"scope", *in.Scope, Scopes...)
	}
	if given("user_id", in.UserID) {
		id, err := UserID(*in.UserID)
		if err != nil {
			v.Fail(prefix+"user_id", "must be a UUID")
		}
		in.UserID = &id
	}
	if given("environment", in.Environment) {
		v.OneOf(prefix+"environment", *in.Environment, "live", "test")
	}
	if given("ip", in.IP) {
		a, err := netip.ParseAddr(*in.IP)
		if err != nil || a.Zone() != "" {
			v.Fail(prefix+"ip", "must be an address such as 192.0.2.7 or 2001:db8::7")
		}
		in.address = CanonicalAddress(a)
	}
}

// refusal returns why the caller's valid credential is not what was asked for, or nil.
func (in *CredentialCheck) refusal(c *Caller) *problem.Error {
	p, ctx := c.Principal, WithCaller(context.Background(), c)
	user := p.ID // for an operation on a user's data, without a user: any that it may reach
	if in.UserID != nil {
		user = *in.UserID
	}
	if in.Environment != nil && p.Kind == APIKey && environmentOf(c.presented) != *in.Environment {
		return &problem.Error{Reason: wrongEnvironment}
	}
	var err error
	if in.Operation != nil {
		err = accesses[*in.Operation].require(ctx, user)
	}
	if err == nil && in.Scope != nil {
		of := accessOf(Scope(*in.Scope))
		of.owner = of.owner && in.UserID != nil
		err = of.require(ctx, user)
	}
	if err == nil && p.Kind == UserToken && user != p.ID {
		err = errOtherUser()
	}
	if err == nil {
		return nil
	}
	return problem.AsError(err)
}

// environmentOf returns the environment of the secret of a key.
func environmentOf(secret string) string {
	if strings.HasPrefix(secret, string(credential.TestKey)) {
		return "test"
	}
	return "live"
}

// Verification says whether a credential is good, and what it stands for.
type Verification struct {
	Valid         bool
	Reason        string
	Message       string
	Kind          *string
	Subject       *string
	Scopes        []string
	UserID        *string
	AppID         *string
	Environment   *string
	ExpiresAt     *time.Time
	Limit         *CredentialLimit
	RequiredScope *string
}

// CredentialLimit is where the limit of a credential stands.
type CredentialLimit struct {
	Limit     int32
	Remaining int32
	ResetAt   time.Time
}

// AccessCheck is one check that a request passes through.
type AccessCheck struct {
	Name        string
	Outcome     string
	Description string
	Fix         *string
}

// Reasons of a Verification. The others are those of the errors of a request.
const (
	verified         = "valid"
	malformed        = "malformed"
	unknownHere      = "not_found"
	wrongKind        = "wrong_kind"
	disabled         = "disabled"
	revoked          = "revoked"
	expired          = "expired"
	wrongNetwork     = "network_not_allowed"
	limited          = "rate_limited"
	wrongEnvironment = "wrong_environment"
	wrongCaller      = "credential_not_allowed"
	missingScope     = "insufficient_scope"
	wrongUser        = "other_user"
)

// verdicts holds of each reason the check that fails, a sentence, and what would mend it.
var verdicts = map[string]struct{ check, message, fix string }{
	verified:         {message: "The credential is valid"},
	malformed:        {"form", "This is no API key and no token, or one with a typing error", "Send all of an API key, or of an access token without Bearer"},
	wrongKind:        {"form", "A refresh token or the secret of an application is sent in a body, and never in a header", "Exchange it for an access token, and send that"},
	unknownHere:      {"known", "The credential was not made here, or it was deleted", "Get a new one from this installation"},
	disabled:         {"ended", "The API key is disabled", "Let a developer enable it with UpdateKey"},
	revoked:          {"ended", "The session of the token has ended", "Log in again, or exchange the secret of the application anew"},
	expired:          {"expired", "The credential has expired", "Refresh the token, or let a developer rotate or extend the API key"},
	wrongNetwork:     {"network", "The API key may not be used from this address", "Call from one of the allowed_networks of the key, and give the address in ip"},
	limited:          {"limit", "The limit of the credential is used up", "Wait until the window ends, or let the operator raise the limit"},
	wrongEnvironment: {"environment", "The API key is of another environment", "Use a key of the environment that is asked for"},
	wrongCaller:      {"kind", "A credential of this kind may not do this", "Use a credential of a kind that may: the description of the operation names them"},
	missingScope:     {"scope", "The API key lacks a scope", "Let a developer give the key the scope with UpdateKey"},
	wrongUser:        {"ownership", "The token is for another user", "Use a token of the user whose data it is, or an API key"},
}

// accessChecks are the checks that a request passes through, in their order.
var accessChecks = []struct{ name, description string }{
	{"form", "It has the form of an API key or an access token"},
	{"signature", "This installation has signed the token"},
	{"known", "There is such an API key"},
	{"ended", "The API key is enabled, and the session of the token goes on"},
	{"expired", "Its time is not over"},
	{"network", "The API key may be used from the address"},
	{"limit", "Its limit admits one more request"},
	{"environment", "The API key is of the environment"},
	{"kind", "The operation takes a credential of this kind"},
	{"scope", "The API key has the scope"},
	{"ownership", "The data is that of the user of the token"},
}

// refuse makes the verification one that fails for the reason.
func (v *Verification) refuse(reason string) {
	v.Valid, v.Reason, v.Message = reason == verified, reason, verdicts[reason].message
}

// checks returns what a request passes through until it fails for the reason.
func (v *Verification) checks(token bool) []AccessCheck {
	failed := verdicts[v.Reason].check
	if v.Reason == unknownHere && token {
		failed = "signature"
	}
	at := slices.IndexFunc(accessChecks, func(c struct{ name, description string }) bool { return c.name == failed })
	all := make([]AccessCheck, len(accessChecks))
	for i, c := range accessChecks {
		all[i] = AccessCheck{Name: c.name, Outcome: "passed", Description: c.description}
		switch {
		case i == at:
			all[i].Outcome, all[i].Fix = "failed", new(verdicts[v.Reason].fix)
			if v.RequiredScope != nil {
				all[i].Fix = new("Let a developer give the key the scope " + *v.RequiredScope + " with UpdateKey")
			}
		case at >= 0 && i > at:
			all[i].Outcome = "not_reached"
		}
	}
	return all
}

// kindNames are the kinds of credential, as a Verification names them.
var kindNames = [...]string{DeveloperToken: "developer_token", APIKey: "api_key", UserToken: "user_token"}

// of says what the credential stands for, which this installation has made.
func (v *Verification) of(p *Principal, presented string) {
	v.Kind, v.Subject = new(kindNames[p.Kind]), new(p.Actor())
	switch p.Kind {
	case APIKey:
		v.Scopes, v.Environment = slices.Clone(p.Scopes), new(environmentOf(presented))
	case UserToken:
		v.Scopes, v.UserID, v.AppID = []string{userScope}, new(p.ID), new(p.AppID)
	}
	if !p.Until.IsZero() {
		v.ExpiresAt = new(p.Until.UTC())
	}
}

// stands says where the limit of the credential does.
func (v *Verification) stands(w ratelimit.Window) {
	v.Limit = &CredentialLimit{
		Limit: int32(min(w.Policy.Limit, 1<<31-1)), Remaining: int32(min(w.Remaining, 1<<31-1)), ResetAt: time.Unix(w.ResetUnix(), 0).UTC(),
	}
}
