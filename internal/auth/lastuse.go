package auth

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// KeyUse is the last use of a key; "" is unknown.
type KeyUse struct {
	At        time.Time
	IP        string
	Client    string // User-Agent
	Operation string
}

// lastUse holds when one credential was last used, and how. Safe for concurrent
// use.
type lastUse struct {
	mu          sync.Mutex
	at, written int64 // microseconds since 1970

	address   netip.Addr
	client    string
	operation string
}

// touch notes a use by the caller. An earlier one changes nothing.
func (u *lastUse) touch(now time.Time, by *Caller) {
	t := now.UnixMicro()
	u.mu.Lock()
	defer u.mu.Unlock()
	if t <= u.at {
		return
	}
	u.at, u.address, u.operation = t, by.Address, by.Operation
	if u.client != by.Client {
		u.client = strings.Clone(by.Client) // which is part of a whole header
	}
}

// last returns the last use, or a zero one.
func (u *lastUse) last() KeyUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.use()
}

// due returns the last use if it was not written, or else a zero one.
func (u *lastUse) due() KeyUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at <= u.written {
		return KeyUse{}
	}
	return u.use()
}

func (u *lastUse) use() KeyUse {
	if u.at == 0 {
		return KeyUse{}
	}
	use := KeyUse{At: time.UnixMicro(u.at).UTC(), Client: u.client, Operation: u.operation}
	if u.address.IsValid() {
		use.IP = u.address.String()
	}
	return use
}

// wrote notes that a use of the instant was written.
func (u *lastUse) wrote(at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.written = at.UnixMicro()
}

// idleSince reports whether the last use is written and came before the instant.
func (u *lastUse) idleSince(at time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.at == u.written && u.at < at.UnixMicro()
}
