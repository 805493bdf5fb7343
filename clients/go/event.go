package openwearables

import (
	"slices"
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
	Dropped   int       // how many events were dropped since the one that the handler got before
}

// maxQueued is how many events wait for a handler.
const maxQueued = 256

// tellsState reports whether the event says what is so from then on: who is signed in, or
// until when the key works. The others tell how it came.
func (e Event) tellsState() bool {
	switch e.Type {
	case EventSignedIn, EventSignedOut, EventSessionExpired, EventKeyRotated:
		return true
	default:
		return false
	}
}

// emitter passes events to one handler, in order, from a goroutine that exists only
// while events are queued. A nil emitter drops them. Safe for concurrent use.
type emitter struct {
	handle func(Event)

	mu      sync.Mutex
	queue   []Event
	dropped int // since the last event that was handled
	running bool
}

func (m *emitter) emit(events ...Event) {
	if m == nil || len(events) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if len(m.queue) == maxQueued {
			m.drop()
		}
		m.queue = append(m.queue, e)
	}
	if !m.running {
		m.running = true
		go m.run()
	}
}

// drop removes the oldest event that tells no state, or if all do, the oldest one. So the
// last event of all and the last that tells a state stay.
func (m *emitter) drop() {
	i := max(slices.IndexFunc(m.queue, func(e Event) bool { return !e.tellsState() }), 0)
	copy(m.queue[1:], m.queue[:i])
	m.queue[0] = Event{}
	m.queue = m.queue[1:]
	m.dropped++
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
		m.queue[0] = Event{}
		m.queue = m.queue[1:]
		e.Dropped, m.dropped = m.dropped, 0
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
	if len(l.emitters) == cap(l.emitters) { // before it grows
		l.emitters = slices.DeleteFunc(l.emitters, func(w weak.Pointer[emitter]) bool { return w.Value() == nil })
	}
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
