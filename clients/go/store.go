package openwearables

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// Store keeps the record of one session: opaque bytes that contain its tokens, to be
// protected like a password. Each Client calls its methods from one goroutine at a
// time. Several processes may share the place in which the record is kept.
//
// A store that cannot be read (a locked keychain, a database that is down) must
// return an error, never absence: an error keeps the session.
//
// A method must return soon after its context has ended. If it does not, the client goes
// on as if it had failed, and calls no other method before it has returned.
type Store interface {
	// Load returns the record, or nil if there is no record.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the record atomically, if the current one equals expected (nil:
	// if there is no record). It reports whether it did.
	Save(ctx context.Context, record, expected []byte) (bool, error)
	// Clear removes the record, if it equals expected. It reports whether it did.
	Clear(ctx context.Context, expected []byte) (bool, error)
}

// Locker is optionally implemented by a Store, so that the processes that share it
// renew one after the other. A lock saves requests; sessions are safe without it.
type Locker interface {
	// Lock waits for the lock until ctx ends. The lock must be released when the
	// process that holds it ends. unlock is called once.
	Lock(ctx context.Context) (unlock func(), err error)
}

// identified is implemented by a store of which several values can mean one place.
type identified interface{ storeID() string }

// storeKey returns what identifies the place in which a store keeps its record.
func storeKey(s Store) (any, error) {
	if i, ok := s.(identified); ok {
		return i.storeID(), nil
	}
	if !reflect.TypeOf(s).Comparable() {
		return nil, invalid(fmt.Sprintf("the store %T cannot be compared: give a pointer", s)).in("WithStore")
	}
	return s, nil
}

// guarded turns a panic of a store into an error, and goes on without a method that does
// not return.
type guarded struct {
	Store
	working, locking turn
}

func guard(s Store) guarded { return guarded{s, newTurn(), newTurn()} }

func (g guarded) Load(ctx context.Context) ([]byte, error) {
	return inTurn(ctx, g.working, func() (raw []byte, err error) {
		defer recoverStore(&err)
		raw, err = g.Store.Load(ctx)
		if len(raw) == 0 {
			raw = nil
		}
		return raw, err
	}, nil)
}

func (g guarded) Save(ctx context.Context, record, expected []byte) (bool, error) {
	return inTurn(ctx, g.working, func() (ok bool, err error) {
		defer recoverStore(&err)
		return g.Store.Save(ctx, slices.Clone(record), slices.Clone(expected))
	}, nil)
}

func (g guarded) Clear(ctx context.Context, expected []byte) (bool, error) {
	return inTurn(ctx, g.working, func() (ok bool, err error) {
		defer recoverStore(&err)
		return g.Store.Clear(ctx, slices.Clone(expected))
	}, nil)
}

// lock takes the store's lock, if it has one. It never fails: the work is safe
// without the lock.
func (g guarded) lock(ctx context.Context) (unlock func()) {
	l, ok := g.Store.(Locker)
	if !ok || len(g.locking) > 0 { // an earlier call has not returned
		return func() {}
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	release, err := inTurn(ctx, g.locking, func() (release func(), err error) {
		defer recoverStore(&err)
		return l.Lock(ctx)
	}, g.unlock)
	if err != nil {
		return func() {}
	}
	return func() { g.unlock(release) }
}

func (g guarded) unlock(release func()) {
	if release == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeTimeout)
	defer cancel()
	_, _ = inTurn(ctx, g.locking, func() (_ struct{}, err error) {
		defer recoverStore(&err)
		release()
		return struct{}{}, nil
	}, nil)
}

// recoverStore drops the message of the panic, which may contain the record.
func recoverStore(err *error) {
	if r := recover(); r != nil {
		*err = errors.New("the store panicked")
	}
}

type memoryStore struct {
	mu     sync.Mutex
	record sealed[[]byte]
}

// MemoryStore returns a store that lasts as long as the process. It is the default.
// Clients with the same MemoryStore share the session.
func MemoryStore() Store { return new(memoryStore) }

func (m *memoryStore) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.record.get(), nil
}

func (m *memoryStore) Save(_ context.Context, record, expected []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !bytes.Equal(m.record.get(), expected) {
		return false, nil
	}
	m.record = seal(record)
	return true, nil
}

func (m *memoryStore) Clear(_ context.Context, expected []byte) (bool, error) {
	return m.Save(context.Background(), nil, expected)
}
