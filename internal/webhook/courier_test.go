package webhook

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// oddStore claims a message whose end it cannot store: every other method panics.
type oddStore struct{ Store }

func (oddStore) DueWebhooks(context.Context) ([]string, error) { return []string{"endpoint"}, nil }

func (oddStore) ClaimWebhooks(context.Context, string, int) ([]auth.WebhookClaim, error) {
	return []auth.WebhookClaim{{}}, nil
}

// lines collects what is logged. Safe for concurrent use.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

// A panic during one attempt is told of in the log. It ends neither the courier nor takes
// the place of the next attempt.
func TestCourierOutlivesPanics(t *testing.T) {
	t.Parallel()
	log := new(lines)
	c := NewCourier(Policy{}, Ports{Store: oddStore{}, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, nil))})
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	for log.count("panic:") < 2*perEndpoint && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	if ctx.Err() != nil {
		t.Error("there were too few attempts")
	}
	stop()
	<-ended
	if n := c.free(""); n != perNode {
		t.Errorf("%d of %d places are free", n, perNode)
	}
}
