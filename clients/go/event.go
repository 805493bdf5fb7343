package openwearables

import (
	"sync"
	"time"
	"weak"
)

// EventType is the type of an Event.
type EventType string

// The types of events.
const (
	EventSignedIn       EventType = "signed_in"
	EventTokenRefreshed EventType = "token_refreshed"
	EventRefreshFailed  EventType = "refresh_failed"  // WillRetry, Err
	EventSessionExpired EventType = "session_expired" // Reason; once for each session
	EventSignedOut      EventType = "signed_out"
	EventStorageError   EventType = "storage_error" // Err; the session stays in memory
	EventKeyRotated     EventType = "key_rotated"   // the API key was rotated: replace it before Sunset
)

// Event is a change of a session or an API key. It contains no secret.
type Event struct {
	Type      EventType
	Other     bool      // another process caused it
	Reason    string    // why the session ended
	WillRetry bool      // another attempt follows
	Err       error     // an *Error
	Sunset    time.Time // when the API key in use expires
}

// emitter passes events to one handler, in order, from a goroutine that exists only
// while events are queued. A nil emitter drops them. Safe for concurrent use.
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

// listeners is the emitters of the clients that share a session. It does not keep
// them alive. Safe for concurrent use.
type listeners struct {
	mu       sync.Mutex
	emitters []weak.Pointer[emitter]
}

func (l *listeners) add(m *emitter) {
	if m == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.emitters = append(l.emitters, weak.Make(m))
}

func (l *listeners) emit(events ...Event) {
	if len(events) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	kept := l.emitters[:0]
	for _, w := range l.emitters {
		if m := w.Value(); m != nil {
			m.emit(events...)
			kept = append(kept, w)
		}
	}
	clear(l.emitters[len(kept):])
	l.emitters = kept
}
