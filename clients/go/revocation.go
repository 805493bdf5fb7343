package openwearables

import (
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
	after       time.Time // when to try again
}

// revocationApart is the time from a failed attempt behind a call to the next one.
const revocationApart = 3 * time.Second

// add remembers a token whose revocation failed, unless trying again would not help.
func (l *revocations) add(base, token string, failed *Error, after time.Time) {
	switch judge(failed) {
	case transient, limited, doubtful:
	default:
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.ContainsFunc(l.list, func(r revocation) bool { return r.token == token && r.base == base }) {
		l.list = append(l.list, revocation{base, token, after})
	}
	l.list = l.list[max(len(l.list)-maxUnrevoked, 0):]
	l.any.Store(true)
}

// take removes the tokens of a base URL that can be tried again from the list and returns
// them.
func (l *revocations) take(base string) (tokens []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	l.list = slices.DeleteFunc(l.list, func(r revocation) bool {
		due := r.base == base && !now.Before(r.after)
		if due {
			tokens = append(tokens, r.token)
		}
		return due
	})
	l.any.Store(len(l.list) > 0)
	return tokens
}

// reached is called after a call that succeeded: the server is there, so what could not be
// revoked is revoked behind.
func (t *tokenRPC) reached() {
	if !unrevoked.any.Load() {
		return
	}
	if tokens := unrevoked.take(t.base); len(tokens) > 0 {
		go t.revokeAll(tokens)
	}
}
