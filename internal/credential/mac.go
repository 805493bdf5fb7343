package credential

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"sync"
)

// Hash is the keyed hash of a secret. It is stored and looked up in place of
// the secret, and worth nothing without the master secret.
type Hash [32]byte

// Equal compares in constant time.
func (h Hash) Equal(other Hash) bool {
	return hmac.Equal(h[:], other[:])
}

// keyedMAC is HMAC-SHA256 under one key. Its states are pooled, so that a hash
// does not allocate. Safe for concurrent use.
type keyedMAC struct {
	states sync.Pool
}

type macState struct {
	mac hash.Hash
	in  [256]byte
	out Hash
}

func newKeyedMAC(key []byte) *keyedMAC {
	m := &keyedMAC{}
	m.states.New = func() any {
		s := &macState{mac: hmac.New(sha256.New, key)}
		s.mac.Reset() // from here on a Reset restores the padded key's state
		return s
	}
	return m
}

func (m *keyedMAC) begin() *macState {
	return m.states.Get().(*macState)
}

// end returns the hash, wipes the state and puts it back into the pool.
func (m *keyedMAC) end(s *macState) Hash {
	s.mac.Sum(s.out[:0])
	sum := s.out
	clear(s.in[:])
	s.mac.Reset()
	m.states.Put(s)
	return sum
}

func (s *macState) write(text string) {
	for len(text) > 0 {
		n := copy(s.in[:], text)
		s.mac.Write(s.in[:n])
		text = text[n:]
	}
}

// writePart writes the text after its length, so that a sequence of parts can
// be read in one way only.
func (s *macState) writePart(text string) {
	binary.BigEndian.PutUint64(s.in[:], uint64(len(text)))
	s.mac.Write(s.in[:8])
	s.write(text)
}
