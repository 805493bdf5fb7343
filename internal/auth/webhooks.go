package auth

import (
	"context"
	"sync"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// WebhookSender sends messages to endpoints. Safe for concurrent use.
type WebhookSender interface {
	// RefuseURL says what to change about a URL to which nothing would be sent; "" if
	// nothing.
	RefuseURL(url string) string
	// Deliver attempts a delivery that was claimed for this process, stores how that
	// ended, and returns the delivery as it is then.
	Deliver(ctx context.Context, c WebhookClaim) (WebhookDelivery, error)
}

// Webhooks manages the endpoints to which messages are sent. Only developers may.
type Webhooks struct {
	store   Store
	vault   *credential.Vault
	replays *replays
	sender  WebhookSender
	fresh   func(context.Context) context.Context
	now     func() time.Time
	testing sync.Map // the ids of endpoints that are tested
}

// Create makes an endpoint. Safe to retry with an Idempotency-Key.
func (s *Webhooks) Create(ctx context.Context, in WebhookInput) (NewWebhookEndpoint, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return NewWebhookEndpoint{}, err
	}
	w := StoredWebhookEndpoint{WebhookEndpoint: WebhookEndpoint{URL: in.URL, Kinds: WebhookKinds, Enabled: true, CreatedBy: p.ID}}
	var v problem.Check
	checkWebhookURL(&v, in.URL, s.sender.RefuseURL)
	if in.Description != nil {
		w.Description = new(v.Name("description", *in.Description, 1, problem.MaxName))
	}
	if in.Kinds != nil {
		checkWebhookKinds(&v, *in.Kinds)
		w.Kinds = webhookKindsInOrder(*in.Kinds)
	}
	if err := v.Err(); err != nil {
		return NewWebhookEndpoint{}, err
	}
	return once(ctx, s.replays, call{"CreateWebhookEndpoint", p.Actor(), in, replayFor}, func(ctx context.Context, tx Tx) (NewWebhookEndpoint, error) {
		if n, err := tx.CountWebhookEndpoints(ctx); err != nil {
			return NewWebhookEndpoint{}, err
		} else if n >= MaxWebhookEndpoints {
			return NewWebhookEndpoint{}, problem.QuotaError("There are 20 webhook endpoints, as many as may be")
		}
		w.ID, w.CreatedAt = credential.Mint(credential.WebhookID), tx.Now()
		secret, err := mintWebhookSecret(s.vault, &w)
		if err != nil {
			return NewWebhookEndpoint{}, err
		}
		if err := tx.InsertWebhookEndpoint(ctx, w); err != nil {
			return NewWebhookEndpoint{}, err
		}
		return NewWebhookEndpoint{w.WebhookEndpoint, secret}, s.record(ctx, tx, audit.WebhookCreate, w.ID)
	})
}

func (s *Webhooks) record(ctx context.Context, tx Tx, action, id string) error {
	return tx.Record(ctx, CallerFrom(ctx).Event(action, webhookSubject(id), tx.Now()))
}

// List returns all endpoints, newest first.
func (s *Webhooks) List(ctx context.Context) ([]WebhookEndpoint, error) {
	if _, err := RequireDeveloper(ctx); err != nil {
		return nil, err
	}
	all, err := s.store.WebhookEndpoints(ctx)
	for i := range all {
		s.current(&all[i])
	}
	return all, err
}

// require admits developers and checks the id of an endpoint.
func (s *Webhooks) require(ctx context.Context, id string) error {
	if _, err := RequireDeveloper(ctx); err != nil {
		return err
	}
	return checkHandle("id", id)
}

// current brings the times of an endpoint up to date and returns it.
func (s *Webhooks) current(w *WebhookEndpoint) WebhookEndpoint {
	if w.PreviousExpiresAt != nil && !s.now().Before(*w.PreviousExpiresAt) {
		w.PreviousExpiresAt = nil
	}
	return *w
}

// Get returns one endpoint.
func (s *Webhooks) Get(ctx context.Context, id string) (WebhookEndpoint, error) {
	if err := s.require(ctx, id); err != nil {
		return WebhookEndpoint{}, err
	}
	w, err := s.store.WebhookEndpoint(ctx, id)
	return s.current(&w.WebhookEndpoint), webhookError(err)
}

// Update changes an endpoint. What waits for one that is disabled is never sent.
func (s *Webhooks) Update(ctx context.Context, id string, in WebhookPatch) (WebhookEndpoint, error) {
	if err := s.require(ctx, id); err != nil {
		return WebhookEndpoint{}, err
	}
	if err := in.check(s.sender.RefuseURL); err != nil {
		return WebhookEndpoint{}, err
	}
	var w StoredWebhookEndpoint
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if err := tx.LockWebhookEndpoints(ctx); err != nil {
			return err
		}
		if enable := in.Enabled.Value(); enable != nil && *enable { // before the endpoint is locked
			if err := tx.ResolveWebhookAlert(ctx, id); err != nil {
				return err
			}
		}
		if w, err = tx.WebhookEndpoint(ctx, id); err != nil {
			return webhookError(err)
		}
		before := w.Enabled
		in.apply(&w.WebhookEndpoint)
		if err := tx.UpdateWebhookEndpoint(ctx, w); err != nil {
			return err
		}
		if !before || !w.Enabled { // a test may be pending for one that was disabled
			if err := tx.FailWebhookDeliveries(ctx, id); err != nil {
				return err
			}
		}
		return s.record(ctx, tx, audit.WebhookUpdate, id)
	})
	return s.current(&w.WebhookEndpoint), err
}

// Rotate gives the endpoint a new secret. The old one no longer signs once Rotate
// returns, or signs beside it for overlap seconds. Safe to retry with an
// Idempotency-Key.
func (s *Webhooks) Rotate(ctx context.Context, id string, overlap int) (NewWebhookEndpoint, error) {
	p, err := RequireDeveloper(ctx)
	if err != nil {
		return NewWebhookEndpoint{}, err
	}
	if err := checkHandle("id", id); err != nil {
		return NewWebhookEndpoint{}, err
	}
	if err := checkOverlap(overlap); err != nil {
		return NewWebhookEndpoint{}, err
	}
	request := struct {
		ID      string
		Overlap int
	}{id, overlap}
	return once(ctx, s.replays, call{"RotateWebhookSecret", p.Actor(), request, replayFor}, func(ctx context.Context, tx Tx) (NewWebhookEndpoint, error) {
		w, err := tx.WebhookEndpoint(ctx, id)
		if err != nil {
			return NewWebhookEndpoint{}, webhookError(err)
		}
		w.PreviousSecret, w.PreviousExpiresAt = nil, nil
		if overlap > 0 {
			end := tx.Now().Add(time.Duration(overlap) * time.Second)
			w.PreviousSecret, w.PreviousExpiresAt = w.Secret, &end
		}
		secret, err := mintWebhookSecret(s.vault, &w)
		if err != nil {
			return NewWebhookEndpoint{}, err
		}
		if err := tx.UpdateWebhookEndpoint(ctx, w); err != nil {
			return NewWebhookEndpoint{}, err
		}
		return NewWebhookEndpoint{w.WebhookEndpoint, secret}, s.record(ctx, tx, audit.WebhookRotate, id)
	})
}

// Delete removes an endpoint. Its deliveries are never listed or sent again, and
// removed later.
func (s *Webhooks) Delete(ctx context.Context, id string) error {
	if err := s.require(ctx, id); err != nil {
		return err
	}
	return s.store.Write(ctx, func(ctx context.Context, tx Tx) error {
		if err := tx.DeleteWebhookEndpoint(ctx, id); err != nil {
			return webhookError(err)
		}
		return s.record(ctx, tx, audit.WebhookDelete, id)
	})
}

// Test sends a message to an endpoint, once, and returns how that ended. It does not
// end with the caller.
func (s *Webhooks) Test(ctx context.Context, id string) (WebhookDelivery, error) {
	if err := s.require(ctx, id); err != nil {
		return WebhookDelivery{}, err
	}
	if _, running := s.testing.LoadOrStore(id, true); running {
		return WebhookDelivery{}, errTesting()
	}
	defer s.testing.Delete(id)
	var claim WebhookClaim
	err := s.store.Write(ctx, func(ctx context.Context, tx Tx) (err error) {
		if claim, err = tx.ClaimWebhookTest(ctx, id); err != nil {
			return webhookError(err)
		}
		return s.record(ctx, tx, audit.WebhookTest, id)
	})
	if err != nil {
		return WebhookDelivery{}, err
	}
	return s.sender.Deliver(s.fresh(context.WithoutCancel(ctx)), claim)
}

// Deliveries returns a page of the deliveries to an endpoint, newest first.
func (s *Webhooks) Deliveries(ctx context.Context, id string, in PageInput) (Page[WebhookDelivery], error) {
	if err := s.require(ctx, id); err != nil {
		return Page[WebhookDelivery]{}, err
	}
	fetch := func(ctx context.Context, after *Place, limit int) ([]WebhookDelivery, error) {
		if _, err := s.store.WebhookEndpoint(ctx, id); err != nil {
			return nil, webhookError(err)
		}
		return s.store.WebhookDeliveries(ctx, id, after, limit)
	}
	return readPage(ctx, s.vault, "webhook-deliveries:"+id, in, fetch, func(d *WebhookDelivery) Place { return Place{d.CreatedAt, d.ID} })
}

func errTesting() *problem.Error {
	return &problem.Error{
		Kind: problem.Conflict, Reason: "test_in_progress",
		Detail: "Another test of this webhook endpoint is running: wait until it has ended", RetryAfter: 1,
	}
}
