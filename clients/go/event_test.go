package openwearables_test

import (
	"runtime"
	"testing"

	openwearables "github.com/openwearables/openwearables/clients/go"
)

// Behind a handler that does not return, events take no more memory however many come. It
// gets the last ones, the last that tells who is signed in, and how many were dropped.
func TestEventsBehindABlockedHandler(t *testing.T) {
	const many = 1_000_000
	var handled []openwearables.Event
	began, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	c := newClient(t, world.url, openwearables.WithEvents(func(e openwearables.Event) {
		if handled = append(handled, e); len(handled) == 1 {
			close(began)
			<-free
		}
		if e.Reason == "last" {
			close(done)
		}
	}))
	openwearables.Emit(c, openwearables.Event{Type: openwearables.EventSignedIn})
	<-began
	openwearables.Emit(c, openwearables.Event{Type: openwearables.EventSignedIn}, openwearables.Event{Type: openwearables.EventSignedOut})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range many {
		openwearables.Emit(c, openwearables.Event{Type: openwearables.EventRefreshFailed})
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 1<<20 {
		t.Errorf("%d KiB wait for the handler", grown>>10)
	}
	openwearables.Emit(c, openwearables.Event{Type: openwearables.EventRefreshFailed, Reason: "last"})
	close(free)
	<-done
	if len(handled) != 1+256 {
		t.Fatalf("%d events are handled", len(handled))
	}
	if handled[1].Type != openwearables.EventSignedIn || handled[2].Type != openwearables.EventSignedOut {
		t.Errorf("who is signed in is lost: %v, %v", handled[1], handled[2])
	}
	dropped := 0
	for _, e := range handled {
		dropped += e.Dropped
	}
	if want := 1 + 2 + many + 1 - len(handled); dropped != want || handled[1].Dropped != want {
		t.Errorf("%d were dropped, and %d are counted", want, dropped)
	}
}

// Where each event tells a state, the oldest is dropped.
func TestLastStateIsKept(t *testing.T) {
	last, began, free, done := "", make(chan struct{}), make(chan struct{}), make(chan struct{})
	c := newClient(t, world.url, openwearables.WithEvents(func(e openwearables.Event) {
		switch {
		case last == "":
			close(began)
			<-free
		case e.Reason == "the last":
			defer close(done)
		}
		last = e.Reason
	}))
	openwearables.Emit(c, openwearables.Event{Type: openwearables.EventSignedIn, Reason: "the first"})
	<-began
	for range 10_000 {
		openwearables.Emit(c, openwearables.Event{Type: openwearables.EventSignedIn, Reason: "one"})
	}
	openwearables.Emit(c, openwearables.Event{Type: openwearables.EventSessionExpired, Reason: "the last"})
	close(free)
	<-done
	if last != "the last" {
		t.Errorf("the last event is %q", last)
	}
}

// A session forgets the handlers of clients that are gone, also while nothing happens.
func TestHandlersOfGoneClientsAreForgotten(t *testing.T) {
	store, seen := openwearables.MemoryStore(), new(events)
	c := newClient(t, world.url, openwearables.WithStore(store), seen.option())
	for range 50 {
		for range 100 {
			newClient(t, world.url, openwearables.WithStore(store), seen.option())
		}
		runtime.GC()
	}
	if n := openwearables.Listeners(c); n > 2000 {
		t.Errorf("%d handlers are remembered of 5001 clients, of which one is left", n)
	}
}
