package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Access is one read of one user's health data.
type Access struct {
	UserID    string
	At        time.Time
	Actor     string
	Operation string
	Items     int32 // how many records the answer held
	IP        string
	Client    string
	RequestID string
}

// Chain returns the ledger hash of a. prev is the hash of the entry before it
// for the same user, all zero for the first. Changing, dropping or reordering
// an entry changes every later hash.
func (a Access) Chain(prev [32]byte) [32]byte {
	h := sha256.New()
	h.Write(prev[:])
	var n [8]byte
	number := func(v uint64) {
		binary.BigEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	for _, s := range []string{a.UserID, a.Actor, a.Operation, a.IP, a.Client, a.RequestID} {
		number(uint64(len(s)))
		h.Write([]byte(s))
	}
	number(uint64(a.At.UnixMicro()))
	number(uint64(a.Items))
	return [32]byte(h.Sum(nil))
}
