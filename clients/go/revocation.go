package openwearables

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// maxUnrevoked bounds the refresh tokens that a process remembers; beyond it the oldest is
// forgotten, and ends when it expires.
const maxUnrevoked = 64

// unrevoked is the refresh tokens of sessions that are over here but could not be ended at
// the server. They belong to the process, since the client that signed out may be gone.
var unrevoked revocations

// revocations is a list of refresh tokens to revoke, by base URL. Safe for concurrent use.
type revocations struct {
	any  atomic.Bool // false: the list is empty
	mu   sync.Mutex
	list []revocation
}

type revocation struct {
	base, token string
	failures    int       // in a row, behind a call
	after       time.Time // when to try again
}

const (
	revocationApart    = 3 * time.Second // from a failed attempt behind a call to the next one
	maxRevocationApart = time.Minute
)

// revocationWait returns the wait after the n-th failure behind a call: 3 s, doubling up
// to a minute, or as long as the server asks if that is longer.
func revocationWait(n int, asked time.Duration) time.Duration {
	return max(min(revocationApart<<min(n-1, 10), maxRevocationApart), asked)
}

// worthRepeating reports whether a revocation that failed can succeed later.
func worthRepeating(failed *Error) bool {
	switch judge(failed) {
	case transient, limited, doubtful:
		return true
	default:
		return false
	}
}

// add remembers a token whose revocation failed, unless trying again would not help.
func (l *revocations) add(base, token string, failed *Error) {
	if worthRepeating(failed) {
		l.postpone([]revocation{{base: base, token: token}}, failed.RetryAfter)
	}
}

// postpone puts revocations of one base URL on the list. Nothing of this base URL is tried
// again before the wait is over.
func (l *revocations) postpone(failed []revocation, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	base, after := failed[0].base, time.Now().Add(wait)
	for _, f := range failed {
		if !slices.ContainsFunc(l.list, func(r revocation) bool { return r.token == f.token && r.base == base }) {
			l.list = append(l.list, f)
		}
	}
	l.list = l.list[max(len(l.list)-maxUnrevoked, 0):]
	for i := range l.list {
		if r := &l.list[i]; r.base == base && r.after.Before(after) {
			r.after = after
		}
	}
	l.any.Store(true)
}

// take removes the revocations of a base URL that can be tried again from the list and
// returns them.
func (l *revocations) take(base string) (due []revocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.list = slices.DeleteFunc(l.list, func(r revocation) bool {
		isDue := r.base == base && !now.Before(r.after)
		if isDue {
			due = append(due, r)
		}
		return isDue
	})
	l.any.Store(len(l.list) > 0)
	return due
}

// reached is called after a call that succeeded: the server is there, so what could not be
// revoked is revoked behind.
func (t *tokenRPC) reached() {
	if !unrevoked.any.Load() {
		return
	}
	if due := unrevoked.take(t.base); len(due) > 0 {
		go t.revokeAll(due)
	}
}

// revokeAll revokes sessions that nobody uses any more. After the first failure that may
// pass it leaves the rest for later.
func (t *tokenRPC) revokeAll(list []revocation) {
	for i, r := range list {
		ctx, cancel := context.WithTimeout(context.Background(), renewalTimeout)
		failed := t.revoke(ctx, r.token)
		cancel()
		if failed != nil && worthRepeating(failed) {
			list[i].failures++
			unrevoked.postpone(list[i:], revocationWait(list[i].failures, failed.RetryAfter))
			return
		}
	}
}
