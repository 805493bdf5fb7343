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

// Store keeps one session's record, opaque bytes that contain its tokens: guard
// them as you would a password. Its methods are called from one goroutine at a
// time for each Client, and from several processes where they share the place.
//
// A store whose content cannot be told (a locked keychain, a database that is
// down) must answer an error, never absence: an error keeps the session.
type Store interface {
	// Load returns the record, or nil if there is none.
	Load(ctx context.Context) ([]byte, error)
	// Save replaces the record by another, atomically, and only if the one there
	// equals expected (nil: none is there). It reports whether it did.
	Save(ctx context.Context, record, expected []byte) (bool, error)
	// Clear removes the record, only if it equals expected. It reports whether it
	// did.
	Clear(ctx context.Context, expected []byte) (bool, error)
}

// Locker is what a Store may also do, so that the processes that share it renew
// one after the other. A lock saves requests; sessions are safe without it.
type Locker interface {
	// Lock waits for the lock until ctx ends. The lock must not outlive the process
	// that holds it. unlock is called once.
	Lock(ctx context.Context) (unlock func(), err error)
}

// identified is a store that shares its place with other values of its type.
type identified interface{ storeID() string }

// storeKey is what identifies the place that a store keeps its record in.
func storeKey(s Store) (any, error) {
	if i, ok := s.(identified); ok {
		return i.storeID(), nil
	}
	if !reflect.TypeOf(s).Comparable() {
		return nil, invalid(fmt.Sprintf("the store %T cannot be compared: give a pointer", s))
	}
	return s, nil
}

// guarded turns what a store throws into an error.
type guarded struct{ Store }

func (g guarded) Load(ctx context.Context) (raw []byte, err error) {
	defer recoverStore(&err)
	raw, err = g.Store.Load(ctx)
	if len(raw) == 0 {
		raw = nil
	}
	return raw, err
}

func (g guarded) Save(ctx context.Context, record, expected []byte) (ok bool, err error) {
	defer recoverStore(&err)
	return g.Store.Save(ctx, slices.Clone(record), slices.Clone(expected))
}

func (g guarded) Clear(ctx context.Context, expected []byte) (ok bool, err error) {
	defer recoverStore(&err)
	return g.Store.Clear(ctx, slices.Clone(expected))
}

// lock takes the store's lock if it has one. Without it the work goes on all the
// same, so it never fails.
func (g guarded) lock(ctx context.Context) (unlock func()) {
	l, ok := g.Store.(Locker)
	if !ok {
		return func() {}
	}
	var err error
	defer recoverStore(&err)
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	release, err := l.Lock(ctx)
	if err != nil || release == nil {
		return func() {}
	}
	return func() {
		defer recoverStore(&err)
		release()
	}
}

// recoverStore keeps the message of a panic out: it could hold the record.
func recoverStore(err *error) {
	if r := recover(); r != nil {
		*err = errors.New("the store panicked")
	}
}

// memoryStore forgets with the process.
type memoryStore struct {
	mu     sync.Mutex
	record []byte
}

// MemoryStore returns a store that forgets with the process. It is the default.
// Clients that are given the same one share the session.
func MemoryStore() Store { return new(memoryStore) }

func (m *memoryStore) Load(context.Context) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.record, nil
}

func (m *memoryStore) Save(_ context.Context, record, expected []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !bytes.Equal(m.record, expected) {
		return false, nil
	}
	m.record = record
	return true, nil
}

func (m *memoryStore) Clear(_ context.Context, expected []byte) (bool, error) {
	return m.Save(context.Background(), nil, expected)
}
