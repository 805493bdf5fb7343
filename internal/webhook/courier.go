package webhook

import (
	"context"
	"crypto/x509"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
	"github.com/openwearables/openwearables/internal/problem"
)

// Lease is for how long a claim keeps other processes from the delivery: longer than
// an attempt takes.
const Lease = time.Minute

// Attempts that one process makes at once.
const (
	perNode     = 8
	perEndpoint = 2 // so that a slow endpoint does not hold up the others
)

const (
	pollEvery    = time.Second
	stopTimeout  = 2 * time.Second // for what is being sent when the process ends
	storeTimeout = 5 * time.Second
)

// Store keeps the deliveries. Safe for concurrent use, by any number of processes.
type Store interface {
	// DueWebhooks returns the ids of the enabled endpoints for which a delivery is to be
	// attempted now, the one that waits longest first.
	DueWebhooks(ctx context.Context) ([]string, error)
	// ClaimWebhooks claims up to most deliveries to the endpoint for this process. Unless
	// they are settled within Lease, another one can claim them.
	ClaimWebhooks(ctx context.Context, endpointID string, most int) ([]auth.WebhookClaim, error)
	// SettleWebhook stores the claim's delivery as it is after the attempt, unless it was
	// ended or claimed by another process. If disable is not "", it is the reason for
	// which the endpoint is disabled. It reports whether it disabled the endpoint.
	SettleWebhook(ctx context.Context, c auth.WebhookClaim, disable string) (disabled bool, err error)
	// CountWebhooks returns how many deliveries are pending.
	CountWebhooks(ctx context.Context) (int64, error)
}

// Ports is what a courier needs from outside.
type Ports struct {
	Store Store
	Vault *credential.Vault
	Now   func() time.Time // the store's time
	Log   *slog.Logger

	Roots    *x509.CertPool // that certificates are verified by; nil: the system's
	Resolver *net.Resolver  // nil: the system's
}

// Courier delivers messages. Safe for concurrent use.
type Courier struct {
	Policy
	ports  Ports
	sender *sender
	wake   chan struct{} // a delivery has ended

	mu    sync.Mutex
	busy  map[string]int // attempts of Run by endpoint
	total int

	delivered, failed, disabled atomic.Int64
	waiting                     atomic.Int64 // as the last Count has it
}

var _ auth.WebhookSender = (*Courier)(nil)

// NewCourier returns a courier that sends to where the policy allows.
func NewCourier(policy Policy, p Ports) *Courier {
	return &Courier{
		Policy: policy, ports: p, sender: newSender(policy, p),
		wake: make(chan struct{}, 1), busy: make(map[string]int),
	}
}

// Stats counts what this process has done since it started.
type Stats struct {
	Delivered int64 // messages
	Failed    int64 // attempts
	Disabled  int64 // endpoints
}

// Stats returns the counts.
func (c *Courier) Stats() Stats {
	return Stats{c.delivered.Load(), c.failed.Load(), c.disabled.Load()}
}

// Count counts the messages that wait to be delivered, by whatever process.
func (c *Courier) Count(ctx context.Context) error {
	n, err := c.ports.Store.CountWebhooks(ctx)
	if err == nil {
		c.waiting.Store(n)
	}
	return err
}

// Waiting returns what Count has counted last.
func (c *Courier) Waiting() int64 { return c.waiting.Load() }

// Run delivers what is due until ctx ends. Then it gives what is being sent two
// seconds, and leaves the rest to other processes, or to the next start.
func (c *Courier) Run(ctx context.Context) {
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer c.sender.close()
	var running sync.WaitGroup
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := c.start(ctx, sending, &running); err != nil && ctx.Err() == nil {
			c.ports.Log.ErrorContext(ctx, "reading which webhooks to send failed, it will be tried again", "error", err)
			c.pause(ctx, tick.C)
			continue
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-c.wake:
		}
	}
	cut := time.AfterFunc(stopTimeout, stop)
	defer cut.Stop()
	running.Wait()
}

func (c *Courier) pause(ctx context.Context, tick <-chan time.Time) {
	select {
	case <-ctx.Done():
	case <-tick:
	}
}

// start claims what is due, as far as attempts are free, and starts to send it.
func (c *Courier) start(ctx, sending context.Context, running *sync.WaitGroup) (err error) {
	defer problem.CatchPanic(&err)
	if c.free("") == 0 {
		return nil
	}
	due, err := c.ports.Store.DueWebhooks(ctx)
	if err != nil {
		return err
	}
	for _, endpoint := range due {
		n := c.free(endpoint)
		if n == 0 {
			continue
		}
		claims, err := c.ports.Store.ClaimWebhooks(ctx, endpoint, n)
		if err != nil {
			return err
		}
		for _, claim := range claims {
			c.occupy(endpoint, 1)
			running.Go(func() {
				defer c.leave(endpoint)
				c.deliver(sending, claim)
			})
		}
	}
	return nil
}

// free returns how many more attempts may be made at once: to the endpoint, or to any
// for "".
func (c *Courier) free(endpoint string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := perNode - c.total
	if endpoint != "" {
		n = min(n, perEndpoint-c.busy[endpoint])
	}
	return max(n, 0)
}

func (c *Courier) occupy(endpoint string, by int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total += by
	if c.busy[endpoint] += by; c.busy[endpoint] == 0 {
		delete(c.busy, endpoint)
	}
}

// leave ends an attempt, and looks at once for the next one.
func (c *Courier) leave(endpoint string) {
	c.occupy(endpoint, -1)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// deliver is Deliver for nobody who waits. After a panic the message counts as one whose
// sender has died.
func (c *Courier) deliver(ctx context.Context, claim auth.WebhookClaim) {
	var err error
	defer func() {
		if err != nil {
			c.ports.Log.ErrorContext(ctx, "sending a webhook failed, it will be sent again", "endpoint", claim.Endpoint.ID, "message", claim.ID, "error", err)
		}
	}()
	defer problem.CatchPanic(&err)
	_, _ = c.Deliver(ctx, claim) // it has logged the error
}

// Deliver implements auth.WebhookSender. No transaction is open while it sends. If the
// end cannot be stored, the message is sent again.
func (c *Courier) Deliver(ctx context.Context, claim auth.WebhookClaim) (auth.WebhookDelivery, error) {
	now := c.ports.Now()
	m := message{id: claim.ID, url: claim.Endpoint.URL, body: claim.Body}
	var a answer
	var err error
	if m.secrets, err = claim.Endpoint.Secrets(c.ports.Vault, now); err != nil {
		a.fault = unsignable
	} else {
		a = c.sender.send(ctx, m)
	}
	disable := settle(&claim, a, c.ports.Now().UTC().Truncate(time.Microsecond), rand.Float64())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	disabled, err := c.ports.Store.SettleWebhook(ctx, claim, disable)
	if err != nil {
		c.ports.Log.ErrorContext(ctx, "storing how a webhook ended failed, it will be sent again", "endpoint", claim.Endpoint.ID, "message", claim.ID, "error", err)
		return auth.WebhookDelivery{}, err
	}
	c.count(claim, disabled)
	if disabled {
		c.ports.Log.WarnContext(ctx, "a webhook endpoint was disabled: see its deliveries, mend it and enable it again",
			"endpoint", claim.Endpoint.ID, "reason", disable)
	}
	return claim.WebhookDelivery, nil
}

func (c *Courier) count(claim auth.WebhookClaim, disabled bool) {
	if claim.State == auth.WebhookDelivered {
		c.delivered.Add(1)
	} else {
		c.failed.Add(1)
	}
	if disabled {
		c.disabled.Add(1)
	}
}
