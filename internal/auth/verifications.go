package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
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
	adopter     *adopter
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
	return s.judgeAll(ctx, p, in, false)
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
	out, err := s.judgeAll(ctx, by, []CredentialCheck{*in}, dry)
	if err != nil {
		return Verification{}, err
	}
	return out[0], nil
}

// judgeAll is judge for many. The limits of all credentials are charged at once.
func (s *Verifications) judgeAll(ctx context.Context, by *Principal, in []CredentialCheck, dry bool) ([]Verification, error) {
	callers, spend, admitted := make([]*Caller, len(in)), make([]bool, len(in)), make(map[string]bool)
	for i := range in {
		c := &Caller{Address: in[i].address, Operation: CallerFrom(ctx).Operation, presented: in[i].Credential, dry: dry}
		if in[i].Operation != nil {
			c.Operation = *in[i].Operation
		}
		err := s.identify(ctx, c, func() error {
			who := guesser(by, c)
			if admitted[who] {
				return nil
			}
			admitted[who] = true
			return s.admit(ctx, who)
		})
		if err != nil {
			return nil, err
		}
		callers[i], spend[i] = c, in[i].Spend
	}
	if err := s.charge(ctx, callers, spend); err != nil {
		return nil, err
	}
	out := make([]Verification, len(in))
	for i, c := range callers {
		var err error
		if out[i], err = s.conclude(ctx, by, c, &in[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// conclude says what a credential is good for whose limit was charged, if it is known. One
// that is unknown may be adopted, unless the verification is dry.
func (s *Verifications) conclude(ctx context.Context, by *Principal, c *Caller, in *CredentialCheck) (Verification, error) {
	if !c.dry {
		if err := s.adopt(ctx, c, guesser(by, c), in.Spend); err != nil {
			return Verification{}, err
		}
	}
	refusal, err := s.verdict(c, in.refusal)
	switch {
	case err != nil:
		return Verification{}, err
	case c.Principal == nil:
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

// identify finds whom the credential that a caller presents stands for. Before it looks
// for one that is not remembered, it asks admit. What is remembered is that, and never a
// verdict.
func (s *Verifications) identify(ctx context.Context, c *Caller, admit func() error) error {
	h, epoch, decided := s.credentials.recall(c)
	if decided {
		return nil
	}
	if err := admit(); err != nil {
		return err
	}
	s.credentials.authenticateFresh(ctx, c, h, epoch, 0)
	return nil
}

// charge describes the own limits of the credentials that are known, of each of which it
// spends one if told to, and looks again at what was remembered.
func (s *Verifications) charge(ctx context.Context, callers []*Caller, spend []bool) error {
	known := make([]*Caller, 0, len(callers))
	spends := make([]bool, 0, len(callers))
	for i, c := range callers {
		if c.Principal != nil {
			known, spends = append(known, c), append(spends, spend[i])
		}
	}
	versions, err := s.buckets.chargeCredentials(ctx, known, spends)
	if err != nil {
		return err
	}
	for i, c := range known {
		s.credentials.revalidate(ctx, c, versions[i])
	}
	return nil
}

// verdict is the one verdict on a credential that somebody else was given, once it is
// identified and charged. It returns why the credential is not good, without a principal
// if nobody may use it, and nil if it is good; needed decides of a caller that is known.
// An error means that nothing was decided.
func (s *Verifications) verdict(c *Caller, needed func(*Caller) *problem.Error) (*problem.Error, error) {
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

// adopt adopts the API key of a caller who is refused since it is unknown, and then charges
// it. who is charged for the question.
func (s *Verifications) adopt(ctx context.Context, c *Caller, who string, spend bool) error {
	ok, err := s.adopter.caller(ctx, c, who)
	if !ok || err != nil {
		return err
	}
	if s.credentials.authenticate(ctx, c); c.Principal == nil {
		return nil
	}
	return s.charge(ctx, []*Caller{c}, []bool{spend})
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
	refusal, err := s.decide(ctx, c, presented, q)
	if err != nil {
		return err
	}
	charged := false
	switch {
	case c.Principal != nil:
	case q.Anybody && !q.Spend:
		s.buckets.look(ctx, c)
	default:
		if err := s.buckets.spendAddress(ctx, c, s.limits.Address); err != nil {
			return err
		}
		charged = true
	}
	if charged {
		if err := s.adopt(ctx, c, c.AddressID(), q.Spend); err != nil {
			return err
		}
		if c.Principal != nil {
			s.buckets.giveBack(ctx, c.Spent, c.AddressID())
			c.Spent = ratelimit.Policy{}
			if refusal, err = s.verdict(c, q.refusal); err != nil {
				return err
			}
		}
	}
	if refusal == nil || c.Principal == nil && q.Anybody {
		return nil
	}
	return refusal
}

// decide sets the principal of the caller with the credential, and returns why it may not
// make its request, nil if it may.
func (s *Verifications) decide(ctx context.Context, c *Caller, presented Presented, q *Requirement) (*problem.Error, error) {
	if !presented.Given {
		return errMissingCredential(), nil
	}
	c.presented, c.keyOnly = presented.Secret, presented.Key
	if err := s.identify(ctx, c, func() error { return nil }); err != nil {
		return nil, err
	}
	if err := s.charge(ctx, []*Caller{c}, []bool{q.Spend}); err != nil {
		return nil, err
	}
	return s.verdict(c, q.refusal)
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

// admit refuses to look for credentials after too many that were not made here. Each of
// a call that is not counts, and past the limit refuses the whole call.
func (s *Verifications) admit(ctx context.Context, who string) error {
	w, err := s.buckets.peek(ctx, s.limits.VerifyRefused, who)
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
