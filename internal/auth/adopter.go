package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/internal/ratelimit"
)

// adopter asks the upstream once for a credential or user that is unknown here, and stores
// what it knew as ours. A nil one adopts nothing. Safe for concurrent use.
//
// A stranger can make it ask. So callers charge what the request costs before they call
// it; each question counts against a limit of all, and of the address unless it succeeds;
// few run at once, many callers with one question share one, and what was refused is
// remembered for a while. What could not be answered is not.
type adopter struct {
	imports   *Imports
	upstream  UpstreamCredentials
	buckets   *buckets
	limits    *Limits
	passwords *passwords
	fresh     func(context.Context) context.Context
	machine   func() time.Time
	log       *slog.Logger

	running singleflight.Group
	places  chan struct{} // of questions that are under way
	refused refusedAdoptions
	counts  adoptionCounts
}

// refusedAdoptions remembers questions that were answered with no. The zero value is ready
// to use. Safe for concurrent use.
type refusedAdoptions struct {
	mu    sync.Mutex
	until map[credential.Hash]time.Time
}

func (r *refusedAdoptions) has(name credential.Hash, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return now.Before(r.until[name])
}

func (r *refusedAdoptions) add(name credential.Hash, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.until == nil || len(r.until) >= maxRefusedAdoption {
		r.until = make(map[credential.Hash]time.Time)
	}
	r.until[name] = now.Add(refusedAdoptionFor)
}

// ask runs adopt, in which the question name is asked, once for all who call meanwhile. It
// returns problem.ErrNotFound if the upstream refuses or refused lately, and a
// *problem.Error if nobody could tell: of kind RateLimited for who has asked too often.
// The question does not end with the caller. who is charged for it.
func (a *adopter) ask(ctx context.Context, kind int, name credential.Hash, who string, adopt func(context.Context) error) error {
	if a.refused.has(name, a.machine()) {
		return problem.ErrNotFound
	}
	c := CallerFrom(ctx)
	asker := &Caller{RequestID: c.RequestID, Address: c.Address, Client: c.Client, Operation: c.Operation}
	asking := a.running.DoChan(string(name[:]), func() (_ any, err error) {
		defer problem.CatchPanic(&err)
		ctx, cancel := context.WithTimeout(WithCaller(a.fresh(context.WithoutCancel(ctx)), asker), questionTime)
		defer cancel()
		outcome, err := a.question(ctx, who, adopt)
		if outcome == adoptionRefused {
			a.refused.add(name, a.machine())
		}
		a.counts[kind][outcome].Add(1)
		return nil, err
	})
	select {
	case done := <-asking:
		return done.Err
	case <-ctx.Done():
		return problem.ContextError(ctx.Err())
	}
}

// question charges for a question and asks it.
func (a *adopter) question(ctx context.Context, who string, adopt func(context.Context) error) (outcome int, err error) {
	out, err := a.buckets.peers.Charge(ctx, true,
		ratelimit.Step{Action: ratelimit.ToTake, Policy: a.limits.Adoption, ID: who},
		ratelimit.Step{Action: ratelimit.ToTake, Policy: a.limits.Adoptions, ID: allAdoptions})
	if err != nil {
		return adoptionAway, problem.UnavailableError(err)
	}
	for i, name := range []string{a.limits.Adoption.Name, a.limits.Adoptions.Name}[:len(out)] {
		a.buckets.counts.add(name, out[i].Window.Admitted)
	}
	if err := a.buckets.refusal(out[0].Window); err != nil {
		return adoptionLimited, err
	}
	back := func() { a.buckets.giveBack(ctx, a.limits.Adoption, who) }
	if full := out[1].Window; !full.Admitted { // strangers may have filled it, so that the caller is not at fault
		back()
		refusal := problem.UnavailableError(errors.New("too many unknown credentials at once"))
		refusal.RetryAfter = full.RetryAfter(a.buckets.now())
		return adoptionLimited, refusal
	}
	select {
	case a.places <- struct{}{}:
		defer func() { <-a.places }()
	case <-ctx.Done():
		back()
		return adoptionAway, problem.UnavailableError(ctx.Err())
	}
	err = adopt(ctx)
	if errors.Is(err, problem.ErrNotFound) && !errors.Is(err, errSeen) {
		return adoptionRefused, problem.ErrNotFound
	}
	back()
	if errors.Is(err, errSeen) {
		return adopted, err
	}
	if err != nil {
		a.log.WarnContext(ctx, "what is unknown here could not be adopted from the upstream", "error", err)
		return adoptionAway, unavailable(err)
	}
	return adopted, nil
}

// errSeen is problem.ErrNotFound for what was imported or adopted before. It has ended, or
// another call has just brought it: whoever may not have seen that looks again.
var errSeen = fmt.Errorf("auth: it was adopted before: %w", problem.ErrNotFound)

// unseen returns nil unless what has the id was imported or adopted before, and then
// errSeen: there is nothing to ask.
func (a *adopter) unseen(ctx context.Context, kind, id string) error {
	_, err := a.imports.store.Imported(ctx, kind, id)
	if err == nil {
		return errSeen
	}
	return refuseFound(err)
}

// key adopts an API key.
func (a *adopter) key(ctx context.Context, secret, who string) error {
	h := a.imports.vault.HashKey(secret)
	if err := a.unseen(ctx, ImportedKey, importedKeyID(h)); err != nil {
		return err
	}
	return a.ask(ctx, adoptedKey, h, who, func(ctx context.Context) error {
		err := a.unseen(ctx, ImportedKey, importedKeyID(h)) // since the caller looked
		if err == nil {
			err = a.upstream.VerifyKey(ctx, secret)
		}
		if err != nil {
			return err
		}
		return a.imports.adoptKey(ctx, secret)
	})
}

// caller adopts the API key for which the caller was refused, if it is none that was
// made or imported here, and reports whether it must be looked at again. who
// is charged for the question.
func (a *adopter) caller(ctx context.Context, c *Caller, who string) (bool, error) {
	if a == nil || c.Principal != nil || c.barred != nil || c.Refused == nil || c.Refused.Reason != reasonInvalidKey ||
		!credential.IsImportedKey(c.presented) {
		return false, nil
	}
	err := a.key(ctx, c.presented, who)
	switch {
	case err == nil || errors.Is(err, errSeen):
		return true, nil
	case errors.Is(err, problem.ErrNotFound):
		return false, nil
	default:
		return false, err
	}
}

// application adopts an application, or the secret of one that was adopted without. It
// returns the application as it is then, which may still not admit the secret.
func (a *adopter) application(ctx context.Context, app AppCredentials, userID string, h credential.Hash) (StoredApplication, error) {
	s := a.imports
	row, err := s.store.Application(ctx, app.AppID)
	switch {
	case err == nil && row.Hash != s.secretUnseen(app.AppID):
		return row, nil
	case errors.Is(err, problem.ErrNotFound):
		err = a.unseen(ctx, ImportedApplication, app.AppID)
	}
	if errors.Is(err, errSeen) {
		return s.store.Application(ctx, app.AppID)
	} else if err != nil {
		return row, err
	}
	name := s.vault.HashParts("adopted-secret", app.AppID, app.AppSecret)
	err = a.ask(ctx, adoptedApplication, name, CallerFrom(ctx).AddressID(), func(ctx context.Context) error {
		if err := a.upstream.VerifyApplication(ctx, app, userID); err != nil {
			return err
		}
		known, err := a.upstream.Application(ctx, app.AppID)
		if err != nil { // its name can be changed here
			known = Application{AppID: app.AppID}
		}
		return s.adopt(ctx, applicationSubject(app.AppID), func(ctx context.Context, in *importing) error {
			return in.adoptApplication(ctx, named(known), &h)
		})
	})
	if err != nil {
		return row, err
	}
	return s.store.Application(ctx, app.AppID)
}

func named(a Application) Application {
	if a.Name == "" {
		a.Name = nameOfAdopted
	}
	return a
}

// developer adopts the developer with the email and password, and returns it.
func (a *adopter) developer(ctx context.Context, email, password string) (StoredDeveloper, error) {
	var v problem.Check
	if checkEmail(&v, "email", email); v.Err() != nil || password == "" || len(password) > problem.MaxText {
		return StoredDeveloper{}, problem.ErrNotFound
	}
	s := a.imports
	if err := a.unseen(ctx, endedEmail, adoptionTrace(s.vault, FoldEmail(email))); err != nil {
		return StoredDeveloper{}, err
	}
	name := s.vault.HashParts("adopted-developer", email, password)
	err := a.ask(ctx, adoptedDeveloper, name, CallerFrom(ctx).AddressID(), func(ctx context.Context) error {
		d, err := a.upstream.VerifyDeveloper(ctx, email, password)
		if err == nil && FoldEmail(d.Email) != FoldEmail(email) {
			err = problem.ErrNotFound
		}
		if err != nil {
			return err
		}
		hash, err := a.passwords.hash(ctx, password)
		if err != nil {
			return err
		}
		return s.adoptDeveloper(ctx, d, hash)
	})
	if err != nil && !errors.Is(err, problem.ErrNotFound) {
		return StoredDeveloper{}, err
	}
	return s.store.DeveloperByEmail(ctx, email) // another node may have adopted it
}

// bringUser stores a user of the upstream, unless it is here or was deleted here.
func (a *adopter) bringUser(ctx context.Context, id string) error {
	if _, err := a.imports.store.User(ctx, id); !errors.Is(err, problem.ErrNotFound) {
		return err
	}
	if err := a.unseen(ctx, ImportedUser, id); err != nil {
		return err // if another call has just brought it, whoever asked finds it
	}
	u, err := a.upstream.User(ctx, id)
	if err != nil {
		return err
	}
	return a.imports.adopt(ctx, userSubject(id), func(ctx context.Context, in *importing) error { return in.adoptUser(ctx, u) })
}

// user adopts a user, for a caller who may see it. A nil adopter finds none.
func (a *adopter) user(ctx context.Context, id string) error {
	if a == nil {
		return problem.ErrNotFound
	}
	if err := a.unseen(ctx, ImportedUser, id); err != nil {
		if errors.Is(err, errSeen) {
			_, err = a.imports.store.User(ctx, id)
		}
		return err
	}
	name := a.imports.vault.HashParts("adopted-user", id)
	return a.ask(ctx, adoptedUser, name, CallerFrom(ctx).AddressID(), func(ctx context.Context) error { return a.bringUser(ctx, id) })
}

// Adoptions tells what was adopted.
type Adoptions struct{ adopter *adopter }

// Counts calls f for each kind of what may be adopted and each outcome of a question, with
// how many there were since the start.
func (s *Adoptions) Counts(f func(kind, outcome string, count func() float64)) {
	for kind := range adoptionKinds {
		for outcome := range adoptionOutcomes {
			of := &s.adopter.counts[kind][outcome]
			f(adoptionKindNames[kind], adoptionOutcomeNames[outcome], func() float64 { return float64(of.Load()) })
		}
	}
}
