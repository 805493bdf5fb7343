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

// OlderSecret names a secret that was the newest of a key or an application until a
// rotation.
type OlderSecret struct {
	Kind CredentialKind // APIKey or AppSecret
	ID   string         // key id or app_id
	Ends int64          // when the overlap does, in microseconds since 1970
}

// SecretUse is the last of some uses, and how many requests they were.
type SecretUse struct {
	KeyUse
	Requests int64
}

// use is one use of a credential.
type use struct {
	at        int64 // microseconds since 1970; 0: none
	address   netip.Addr
	client    string
	operation string
}

// set replaces the use by one of the caller, unless that is an earlier one.
func (u *use) set(at int64, by *Caller) {
	if at <= u.at {
		return
	}
	u.at, u.address, u.operation = at, by.Address, by.Operation
	if u.client != by.Client {
		u.client = strings.Clone(by.Client) // which is part of a whole header
	}
}

// lastUse holds when one credential was last used, and how. Safe for concurrent
// use.
type lastUse struct {
	mu sync.Mutex
	use
	written int64 // microseconds since 1970
}

// olderUse counts the requests with an older secret. The lock of its key or
// application guards it.
type olderUse struct {
	of *lastUse
	use
	requests, written int64
}

// touch notes a use by the caller, of the older secret if that is not nil.
func (u *lastUse) touch(now time.Time, by *Caller, older *olderUse) {
	if by.dry {
		return
	}
	t := now.UnixMicro()
	u.mu.Lock()
	defer u.mu.Unlock()
	u.set(t, by)
	if older == nil {
		return
	}
	older.set(t, by)
	if !by.counted { // a request may be authenticated twice
		older.requests++
		by.counted = true
	}
}

// due returns the uses that were not written.
func (u *olderUse) due() SecretUse {
	u.of.mu.Lock()
	defer u.of.mu.Unlock()
	return SecretUse{u.last(), u.requests - u.written}
}

// idleSince is lastUse.idleSince.
func (u *olderUse) idleSince(at time.Time) bool {
	u.of.mu.Lock()
	defer u.of.mu.Unlock()
	return u.requests == u.written && u.at < at.UnixMicro()
}

// wrote notes that so many requests were written.
func (u *olderUse) wrote(requests int64) {
	u.of.mu.Lock()
	defer u.of.mu.Unlock()
	u.written += requests
}

// last returns the last use, or a zero one.
func (u *lastUse) last() KeyUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.use.last()
}

// due returns the last use if it was not written, or else a zero one.
func (u *lastUse) due() KeyUse {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.at <= u.written {
		return KeyUse{}
	}
	return u.use.last()
}

// last returns the use, or a zero one.
func (u *use) last() KeyUse {
	if u.at == 0 {
		return KeyUse{}
	}
	last := KeyUse{At: time.UnixMicro(u.at).UTC(), Client: u.client, Operation: u.operation}
	if u.address.IsValid() {
		last.IP = u.address.String()
	}
	return last
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
