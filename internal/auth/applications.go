package auth

import (
	"context"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Applications manages applications. Only developers may.
type Applications struct {
	store       Store
	vault       *credential.Vault
	replays     *replays
	credentials *credentials
	most        int // applications
	now         func() time.Time
}

// Create registers an application. Safe to retry with an Idempotency-Key.
func (s *Applications) Create(ctx context.Context, name string) (NewApplication, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return NewApplication{}, err
	}
	var v problem.Check
	name = v.Name("name", name, 1, problem.MaxName)
	if err := v.Err(); err != nil {
		return NewApplication{}, err
	}
	return once(ctx, s.replays, call{"CreateApplication", p.Actor(), name, replayFor}, func(ctx context.Context, tx Tx) (NewApplication, error) {
		if n, err := tx.CountApplications(ctx); err != nil {
			return NewApplication{}, err
		} else if n >= s.most {
			return NewApplication{}, errFull(s.most, "applications")
		}
		a := StoredApplication{Application: Application{
			ID: newID(), AppID: credential.Mint(credential.AppID), Name: name, CreatedAt: tx.Now(),
		}}
		secret := credential.Mint(credential.AppSecret)
		a.Hash = s.vault.Hash(secret)
		if err := tx.InsertApplication(ctx, a); err != nil {
			return NewApplication{}, err
		}
		return NewApplication{a.Application, secret},
			tx.Record(ctx, CallerFrom(ctx).Event(audit.AppCreate, applicationSubject(a.AppID), tx.Now()))
	})
}

// List returns a page of the applications, newest first.
func (s *Applications) List(ctx context.Context, in PageInput) (Page[Application], error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return Page[Application]{}, err
	}
	page, err := readPage(ctx, s.vault, "applications", in, s.store.Applications,
		func(a *Application) Place { return Place{a.CreatedAt, a.AppID} })
	for i := range page.Items {
		s.current(&page.Items[i])
	}
	return page, err
}

// current takes an older secret that has ended from the application and returns it.
func (s *Applications) current(a *Application) Application {
	if a.PreviousExpiresAt != nil && !s.now().Before(*a.PreviousExpiresAt) {
		a.PreviousExpiresAt = nil
	}
	return *a
}

// require admits developers and checks the id of an application.
func (s *Applications) require(ctx context.Context, appID string) error {
	if _, err := RequireDeveloper(ctx); err != nil {
		return err
	}
	return checkHandle("app_id", appID)
}

// Get returns one application.
func (s *Applications) Get(ctx context.Context, appID string) (Application, error) {
	if err := s.require(ctx, appID); err != nil {
		return Application{}, err
	}
	a, err := s.store.Application(ctx, appID)
	return s.current(&a.Application), applicationError(err)
}

// Update renames an application. Its name cannot be cleared.
func (s *Applications) Update(ctx context.Context, appID string, name Change[string]) (Application, error) {
	if err := s.require(ctx, appID); err != nil {
		return Application{}, err
	}
	if err := checkRename(&name); err != nil {
		return Application{}, err
	}
	return s.change(ctx, audit.AppUpdate, appID, func(a *StoredApplication) { name.replace(&a.Name) })
}

// change applies f to an application in a transaction.
func (s *Applications) change(ctx context.Context, action, appID string, f func(*StoredApplication)) (Application, error) {
	var a StoredApplication
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if a, err = tx.ClaimApplication(ctx, appID); err != nil {
			return applicationError(err)
		}
		f(&a)
		if err := tx.UpdateApplication(ctx, a); err != nil {
			return err
		}
		return tx.Record(ctx, CallerFrom(ctx).Event(action, applicationSubject(appID), tx.Now()))
	})
	return s.current(&a.Application), err
}

// FinishRotation ends the older secret of the application, if one lives. It is
// refused once FinishRotation returns. Tokens that were minted live on.
func (s *Applications) FinishRotation(ctx context.Context, appID string) (Application, error) {
	if err := s.require(ctx, appID); err != nil {
		return Application{}, err
	}
	return s.change(ctx, audit.AppFinish, appID, func(a *StoredApplication) { a.PreviousHash, a.PreviousExpiresAt = nil, nil })
}

// RotateSecret gives the application a new secret. The old one is refused once
// it returns, or lives on for overlap seconds. Tokens that were minted live on.
// Safe to retry with an Idempotency-Key.
func (s *Applications) RotateSecret(ctx context.Context, appID string, overlap int) (NewApplication, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return NewApplication{}, err
	}
	if err := checkHandle("app_id", appID); err != nil {
		return NewApplication{}, err
	}
	if err := checkOverlap(overlap); err != nil {
		return NewApplication{}, err
	}
	request := struct {
		ID      string
		Overlap int
	}{appID, overlap}
	return once(ctx, s.replays, call{"RotateApplicationSecret", p.Actor(), request, replayFor}, func(ctx context.Context, tx Tx) (NewApplication, error) {
		a, err := tx.ClaimApplication(ctx, appID)
		if err != nil {
			return NewApplication{}, applicationError(err)
		}
		a.PreviousHash, a.PreviousExpiresAt = nil, nil
		if overlap > 0 {
			old, end := a.Hash, tx.Now().Add(time.Duration(overlap)*time.Second)
			a.PreviousHash, a.PreviousExpiresAt = &old, &end
		}
		secret := credential.Mint(credential.AppSecret)
		a.Hash = s.vault.Hash(secret)
		if err := tx.UpdateApplication(ctx, a); err != nil {
			return NewApplication{}, err
		}
		return NewApplication{a.Application, secret},
			tx.Record(ctx, CallerFrom(ctx).Event(audit.AppRotate, applicationSubject(appID), tx.Now()))
	})
}

// Delete ends the application and every token that it minted.
func (s *Applications) Delete(ctx context.Context, appID string) error {
	if err := s.require(ctx, appID); err != nil {
		return err
	}
	var ended []string
	err := s.store.WriteLong(ctx, func(ctx context.Context, tx Tx) (err error) {
		if _, err = tx.Application(ctx, appID); err != nil {
			return applicationError(err)
		}
		if ended, err = tx.EndSessions(ctx, SessionFilter{AppID: appID}, tx.Now()); err != nil {
			return err
		}
		if err := tx.DeleteApplication(ctx, appID); err != nil {
			return err
		}
		return tx.Record(ctx, CallerFrom(ctx).Event(audit.AppDelete, applicationSubject(appID), tx.Now()))
	})
	if undecided(err) {
		s.credentials.forgetSessions(ctx, ended)
	}
	return err
}
