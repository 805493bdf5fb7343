package auth

import (
	"context"
	"maps"
	"sync"
	"time"
)

// lastUses remembers when credentials were last used until flush has written
// it. What it remembers reads back at once; a crash loses what came since the
// last flush. Safe for concurrent use.
type lastUses struct {
	store  LastUses
	now    func() time.Time
	retain time.Duration // how long a session is remembered

	flushing sync.Mutex // of the uses of older secrets, so that none is counted twice

	mu       sync.Mutex
	keys     map[string]*lastUse
	sessions map[string]*lastUse
	older    map[OlderSecret]*olderUse
}

func newLastUses(store LastUses, now func() time.Time, retain time.Duration) *lastUses {
	return &lastUses{
		store: store, now: now, retain: retain,
		keys: make(map[string]*lastUse), sessions: make(map[string]*lastUse), older: make(map[OlderSecret]*olderUse),
	}
}

func (l *lastUses) key(id string) *lastUse     { return l.of(&l.keys, id) }
func (l *lastUses) session(id string) *lastUse { return l.of(&l.sessions, id) }

func (l *lastUses) of(m *map[string]*lastUse, id string) *lastUse {
	l.mu.Lock()
	defer l.mu.Unlock()
	u := (*m)[id]
	if u == nil {
		u = new(lastUse)
		(*m)[id] = u
	}
	return u
}

// maxOlder is how many older secrets are remembered, unless more are in use.
const maxOlder = 10_000

// olderOf returns the uses of an older secret of what the last use is of.
func (l *lastUses) olderOf(u *lastUse, secret OlderSecret) *olderUse {
	l.mu.Lock()
	defer l.mu.Unlock()
	older := l.older[secret]
	if older == nil {
		if len(l.older) >= maxOlder {
			since := l.now().Add(-l.retain)
			maps.DeleteFunc(l.older, func(_ OlderSecret, u *olderUse) bool { return u.idleSince(since) })
		}
		older = &olderUse{of: u}
		l.older[secret] = older
	}
	return older
}

// exchanged notes an exchange of an older secret of an application, of which a request
// makes one at most. What its header holds was counted apart.
func (l *lastUses) exchanged(c *Caller, secret OlderSecret) {
	older := l.olderOf(new(lastUse), secret)
	c.counted = false
	older.of.touch(l.now(), c, older)
}

// latest returns the later of stored and what is remembered of the session.
func (l *lastUses) latest(sessionID string, stored time.Time) time.Time {
	if u := l.pending(l.sessions, sessionID); u.At.After(stored) {
		return u.At
	}
	return stored
}

// updateKey sets the last use of a key that was read to the one that is remembered,
// if that is later.
func (l *lastUses) updateKey(k *Key) {
	u := l.pending(l.keys, k.ID)
	if u.At.IsZero() || k.LastUsedAt != nil && !u.At.After(*k.LastUsedAt) {
		return
	}
	k.LastUsedAt, k.LastUsedIP, k.LastUsedClient, k.LastUsedOperation = &u.At, optional(u.IP), optional(u.Client), optional(u.Operation)
}

func (l *lastUses) pending(m map[string]*lastUse, id string) KeyUse {
	l.mu.Lock()
	u := m[id]
	l.mu.Unlock()
	if u == nil {
		return KeyUse{}
	}
	return u.last()
}

// flush writes the uses that came since the last flush, and drops the sessions
// that were last used longer ago than retain.
func (l *lastUses) flush(ctx context.Context) error {
	defer l.prune(l.now().Add(-l.retain))
	l.mu.Lock()
	keys, sessions := maps.Clone(l.keys), maps.Clone(l.sessions)
	l.mu.Unlock()
	if err := l.flushOlder(ctx); err != nil {
		return err
	}
	if err := write(ctx, keys, l.store.TouchKeys); err != nil {
		return err
	}
	return write(ctx, sessions, func(ctx context.Context, uses map[string]KeyUse) error {
		at := make(map[string]time.Time, len(uses))
		for id, u := range uses {
			at[id] = u.At
		}
		return l.store.TouchSessions(ctx, at)
	})
}

// maxFlushed is how many older secrets one write counts.
const maxFlushed = 100

// flushOlder writes the uses of older secrets.
func (l *lastUses) flushOlder(ctx context.Context) error {
	l.flushing.Lock()
	defer l.flushing.Unlock()
	l.mu.Lock()
	all := maps.Clone(l.older)
	l.mu.Unlock()
	due := make(map[OlderSecret]SecretUse)
	flush := func() error {
		if len(due) == 0 {
			return nil
		}
		if err := l.store.CountOlderSecrets(ctx, due); err != nil {
			return err
		}
		for secret, uses := range due {
			all[secret].wrote(uses.Requests)
		}
		clear(due)
		return nil
	}
	for secret, u := range all {
		if uses := u.due(); uses.Requests > 0 {
			due[secret] = uses
		}
		if len(due) == maxFlushed {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// prune drops the sessions that are written and were not used since the
// instant, and older secrets that ended before it. No principal may still count into
// them, so the instant must be longer ago than an access token lives.
func (l *lastUses) prune(since time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.older, func(secret OlderSecret, _ *olderUse) bool { return secret.Ends < since.UnixMicro() })
	maps.DeleteFunc(l.sessions, func(_ string, u *lastUse) bool { return u.idleSince(since) })
}

func write(ctx context.Context, uses map[string]*lastUse, put func(context.Context, map[string]KeyUse) error) error {
	due := make(map[string]KeyUse)
	for id, u := range uses {
		if use := u.due(); !use.At.IsZero() {
			due[id] = use
		}
	}
	if len(due) == 0 {
		return nil
	}
	if err := put(ctx, due); err != nil {
		return err
	}
	for id, use := range due {
		uses[id].wrote(use.At)
	}
	return nil
}
