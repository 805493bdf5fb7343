package openwearables

import (
	"sync"
	"time"
	"weak"
)

// EventType names what happened to a session or a key.
type EventType string

// The types of events.
const (
	EventSignedIn       EventType = "signed_in"
	EventTokenRefreshed EventType = "token_refreshed"
	EventRefreshFailed  EventType = "refresh_failed"  // WillRetry, Err
	EventSessionExpired EventType = "session_expired" // Reason; once for each session
	EventSignedOut      EventType = "signed_out"
	EventStorageError   EventType = "storage_error" // Err; the session lives on in memory
	EventKeyRotated     EventType = "key_rotated"   // the API key was rotated: replace it before Sunset
)

// Event is something that happened.
type Event struct {
	Type      EventType
	Other     bool      // another process did it
	Reason    string    // why the session ended
	WillRetry bool      // the refresh goes on
	Err       error     // an *Error
	Sunset    time.Time // when the API key in use ends
}

// emitter hands events to one handler, in order, from a goroutine that lives
// only while there are any.
type emitter struct {
	handle func(Event)

	mu      sync.Mutex
	queue   []Event
	running bool
}

func (m *emitter) emit(events ...Event) {
	if m == nil || len(events) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.queue = append(m.queue, events...)
	if !m.running {
		m.running = true
		go m.run()
	}
}

func (m *emitter) run() {
	for {
		m.mu.Lock()
		if len(m.queue) == 0 {
			m.running = false
			m.mu.Unlock()
			return
		}
		e := m.queue[0]
		m.queue = m.queue[1:]
		m.mu.Unlock()
		m.handle(e)
	}
}

// audience is who listens to a session: the clients that still exist.
type audience struct {
	mu       sync.Mutex
	emitters []weak.Pointer[emitter]
}

func (a *audience) join(m *emitter) {
	if m == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.emitters = append(a.emitters, weak.Make(m))
}

func (a *audience) emit(events ...Event) {
	if len(events) == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	kept := a.emitters[:0]
	for _, w := range a.emitters {
		if m := w.Value(); m != nil {
			m.emit(events...)
			kept = append(kept, w)
		}
	}
	clear(a.emitters[len(kept):])
	a.emitters = kept
}
