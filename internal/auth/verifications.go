package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Verifications tells other services whether a credential is good. Safe for concurrent
// use.
//
// It authenticates as a request with the credential would be authenticated, in the two
// phases of credentials, so that it knows of an end as soon as that is answered. It finds
// out why a credential is refused in a further reading.
type Verifications struct {
	store       Reader
	vault       *credential.Vault
	signer      *signer
	credentials *credentials
	buckets     *buckets
	limits      *Limits
	tokens      *Tokens
	now         func() time.Time
}

// Verify verifies one credential, for developers and for keys with the scope.
func (s *Verifications) Verify(ctx context.Context, in CredentialCheck) (Verification, error) {
	p, err := RequireAccount(ctx, CredentialsVerify)
	if err != nil {
		return Verification{}, err
	}
	var v problem.Check
	if in.check(&v, ""); v.Err() != nil {
		return Verification{}, v.Err()
	}
	return s.judge(ctx, p, &in, false)
}

// VerifyAll verifies up to 100 credentials, and returns the verifications in the order
// of in. Each counts against the limit of the caller.
func (s *Verifications) VerifyAll(ctx context.Context, in []CredentialCheck) ([]Verification, error) {
	p, err := RequireAccount(ctx, CredentialsVerify)
	if err != nil {
		return nil, err
	}
	var v problem.Check
	if len(in) < 1 || len(in) > maxChecks {
		v.Fail("checks", fmt.Sprintf("must hold 1 to %d items", maxChecks))
		return nil, v.Err()
	}
	for i := range in {
		in[i].check(&v, fmt.Sprintf("checks[%d].", i))
	}
	if err := v.Err(); err != nil {
		return nil, err
	}
	if err := s.buckets.spendMore(ctx, CallerFrom(ctx), len(in)); err != nil {
		return nil, err
	}
	out := make([]Verification, len(in))
	for i := range in {
		if out[i], err = s.judge(ctx, p, &in[i], false); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Explain verifies a credential as Verify does, and returns each check. It spends nothing
// of the credential's limit, and is no use of it.
func (s *Verifications) Explain(ctx context.Context, in CredentialCheck) (Verification, []AccessCheck, error) {
	p, err := RequireAccount(ctx, CredentialsVerify)
	if err != nil {
		return Verification{}, nil, err
	}
	var v problem.Check
	if in.check(&v, ""); v.Err() != nil {
		return Verification{}, nil, v.Err()
	}
	in.Spend = false
	out, err := s.judge(ctx, p, &in, true)
	return out, out.checks(!credential.HasKeyForm(in.Credential)), err
}

// judge verifies a credential for by. A dry one leaves no trace with the credential. An
// error means that nothing was decided.
func (s *Verifications) judge(ctx context.Context, by *Principal, in *CredentialCheck, dry bool) (Verification, error) {
	c := &Caller{Address: in.address, Operation: CallerFrom(ctx).Operation, presented: in.Credential, dry: dry}
	if in.Operation != nil {
		c.Operation = *in.Operation
	}
	refusal, err := s.decide(ctx, c, in.Spend, in.refusal, func() error { return s.admit(ctx, by, c) })
	if err != nil {
		return Verification{}, err
	}
	if c.Principal == nil {
		return s.refused(ctx, by, c)
	}
	v := Verification{Scopes: []string{}}
	v.of(c.Principal, in.Credential)
	v.stands(c.Window)
	if refusal == nil {
		v.refuse(verified)
		return v, nil
	}
	v.refuse(refusal.Reason)
	v.RequiredScope = optional(refusal.RequiredScope)
	return v, nil
}

// decide is the one verdict on a credential that somebody else was given. It authenticates
// what the caller presents, spends one of its limit if told to, and asks needed of the
// caller that it has found. It returns why the credential is not good, without a principal
// if nobody may use it, and nil if it is good. Before it looks for one that is not
// remembered, it asks admit. An error means that nothing was decided.
//
// What is remembered is whom a credential stands for, and never a verdict.
func (s *Verifications) decide(ctx context.Context, c *Caller, spend bool, needed func(*Caller) *problem.Error, admit func() error) (*problem.Error, error) {
	if h, epoch, decided := s.credentials.recall(c); !decided {
		if err := admit(); err != nil {
			return nil, err
		}
		s.credentials.authenticateFresh(ctx, c, h, epoch, 0)
	}
	if c.Principal != nil {
		version, err := s.charge(ctx, c, spend)
		if err != nil {
			return nil, err
		}
		s.credentials.revalidate(ctx, c, version)
	}
	switch {
	case c.Principal == nil && c.barred == nil && c.Refused.Kind != problem.Unauthenticated:
		return nil, c.Refused
	case c.Principal == nil:
		return c.Refused, nil
	case !c.Window.Admitted:
		return problem.AsError(s.buckets.refusal(c.Window)), nil
	default:
		return needed(c), nil
	}
}

// Presented is a credential as the header of a request has it. The zero value is none.
type Presented struct {
	Secret string
	Key    bool // it can only be an API key
	Given  bool
}

// Authorize decides whether the caller, who makes a request to another service with the
// credential, may do so, and sets its principal. It returns the refusal that this server
// would answer such a request with, and spends what it would: of the limit of the
// credential or, without a valid one, of that of the address.
func (s *Verifications) Authorize(ctx context.Context, c *Caller, presented Presented, q *Requirement) error {
	var refusal *problem.Error
	if c.presented, c.keyOnly = presented.Secret, presented.Key; !presented.Given {
		refusal = errMissingCredential()
	} else {
		var err error
		if refusal, err = s.decide(ctx, c, q.Spend, q.refusal, func() error { return nil }); err != nil {
			return err
		}
	}
	switch {
	case c.Principal != nil:
	case q.Anybody && !q.Spend:
		s.buckets.look(ctx, c)
	default:
		if err := s.buckets.spendAddress(ctx, c, s.limits.Address); err != nil {
			return err
		}
	}
	if refusal == nil || c.Principal == nil && q.Anybody {
		return nil
	}
	return refusal
}

// charge describes the credential's own limit, of which it spends one if told to, and
// returns the version of the credential's subject.
func (s *Verifications) charge(ctx context.Context, c *Caller, spend bool) (uint64, error) {
	if !spend {
		return s.buckets.lookCredential(ctx, c)
	}
	version, err := s.buckets.spendCredential(ctx, c)
	if err != nil && problem.AsError(err).Kind == problem.RateLimited {
		err = nil // the window says so
	}
	return version, err
}

// refused says why a credential was not accepted.
func (s *Verifications) refused(ctx context.Context, by *Principal, c *Caller) (Verification, error) {
	reason, p, err := s.diagnose(ctx, c)
	if err != nil {
		return Verification{}, err
	}
	if reason == malformed || reason == unknownHere {
		CallerFrom(ctx).Foreign = true
	}
	if reason == unknownHere {
		if err := s.buckets.take(ctx, s.limits.VerifyRefused, guesser(by, c)); err != nil {
			return Verification{}, err
		}
	}
	v := Verification{Scopes: []string{}}
	if p != nil {
		v.of(p, c.presented)
	}
	v.refuse(reason)
	return v, nil
}

// guesser names who may have guessed the credential: an address if the caller knows it,
// so that one which guesses does not keep the others out.
func guesser(by *Principal, c *Caller) string {
	if c.Address.IsValid() {
		return by.ID + " " + c.AddressID()
	}
	return by.ID
}

// admit refuses to look for one more credential after too many that were not made here.
func (s *Verifications) admit(ctx context.Context, by *Principal, c *Caller) error {
	w, err := s.buckets.peek(ctx, s.limits.VerifyRefused, guesser(by, c))
	if err != nil || w.Admitted {
		return err
	}
	CallerFrom(ctx).Window = w
	return s.buckets.refusal(w)
}

// diagnose returns why the caller's credential was refused, and what it stands for if
// this installation has made it.
func (s *Verifications) diagnose(ctx context.Context, c *Caller) (reason string, p *Principal, err error) {
	switch {
	case c.barred != nil:
		return wrongNetwork, c.barred, nil
	case c.presentsKey():
		return s.diagnoseKey(ctx, c.presented)
	default:
		return s.diagnoseToken(ctx, c.presented)
	}
}

func (s *Verifications) diagnoseKey(ctx context.Context, secret string) (string, *Principal, error) {
	if !credential.ValidKey(secret) {
		return malformed, nil, nil
	}
	h := s.vault.HashKey(secret)
	k, err := s.store.KeyByHash(ctx, h)
	if errors.Is(err, problem.ErrNotFound) {
		return unknownHere, nil, nil
	} else if err != nil {
		return "", nil, err
	}
	p, err := s.credentials.principalOf(&k, h)
	if err != nil {
		return "", nil, err
	}
	if k.Enabled && p.expired(s.now()) {
		return expired, p, nil
	}
	return disabled, p, nil
}

func (s *Verifications) diagnoseToken(ctx context.Context, token string) (string, *Principal, error) {
	switch {
	case credential.Valid(credential.Refresh, token), credential.Valid(credential.AppSecret, token),
		credential.IsImportedRefresh(token), credential.IsImportedAppSecret(token):
		return wrongKind, nil, nil
	case strings.Count(token, ".") != 2:
		return malformed, nil, nil
	}
	now := s.now()
	claims, keyID, err := s.signer.verify(ctx, token, now)
	if errors.Is(err, credential.ErrInvalidToken) {
		return unknownHere, nil, nil
	}
	p := holderOfToken(claims, keyID)
	p.Until = claims.ExpiresAt
	if errors.Is(err, credential.ErrTokenExpired) {
		return expired, p, nil
	} else if err != nil {
		return "", nil, err
	}
	row, err := s.store.Session(ctx, claims.SessionID)
	switch {
	case err != nil && !errors.Is(err, problem.ErrNotFound):
		return "", nil, err
	case err == nil && row.RevokedAt == nil && !row.live(now):
		return expired, p, nil
	default:
		return revoked, p, nil
	}
}
