package cluster

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/redis"
)

// trust is whether the versions in this node's Redis may be relied on: whether
// every other node bumps them there. Nodes may come to be on different servers by a
// setting, or by a failover that leaves the old master running.
//
// A node begins without trust, and loses it when it meets another server. It gains
// it once each of the other nodes in the database has beaten in this Redis since
// then. So of two nodes on different servers one at least has no trust, and one is
// enough for both: it admits nothing without asking the database, and its ends wait
// until nobody else does.
//
// Safe for concurrent use.
type trust struct {
	doubts  atomic.Uint64 // counts reasons to doubt which server this is
	present atomic.Pointer[confidence]

	mu       sync.Mutex
	server   string            // the run id of the server that was met last; "" if unknown
	baseline map[string]string // the beats that were there when the server was first seen
	of       uint64            // the doubts when baseline was read
	periods  uint64            // of trust so far
}

// confidence is one period of trust.
type confidence struct {
	period uint64
	doubts uint64 // when it began
	until  time.Time
}

// trusted returns the present period of trust, or nil.
func (t *trust) trusted() *confidence {
	c := t.present.Load()
	if c == nil || c.doubts != t.doubts.Load() || time.Now().After(c.until) {
		return nil
	}
	return c
}

// meet looks at the server of a new connection, before that is used. A server that
// was restarted may have forgotten what was bumped, and counts as another one; so
// does one that does not tell.
func (t *trust) meet(_ context.Context, do func(...string) (redis.Value, error)) {
	id := ""
	if answer, err := do("INFO", "server"); err == nil {
		info, _ := answer.Text()
		_, id, _ = strings.Cut(info, "run_id:")
		id, _, _ = strings.Cut(id, "\r")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if id == "" || id != t.server {
		t.doubts.Add(1)
	}
	t.server = id
}

// weigh takes in the beats that were read under the doubts of then. It extends
// trust if all are together, or ends it.
func (t *trust) weigh(doubts uint64, beats map[string]string, together func(beaten func(id string) place) (bool, time.Time)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.baseline == nil || t.of != doubts {
		t.baseline, t.of = beats, doubts
	}
	ok, until := together(func(id string) place {
		switch at, is := beats[id]; {
		case !is:
			return apart
		case at == t.baseline[id]: // left by a server that this one replaced, or not renewed yet
			return elusive
		default:
			return here
		}
	})
	last := t.trusted()
	switch {
	case !ok:
		t.present.Store(nil)
	case last != nil:
		t.present.Store(&confidence{last.period, doubts, until})
	default:
		t.periods++
		t.present.Store(&confidence{t.periods, doubts, until})
	}
}
