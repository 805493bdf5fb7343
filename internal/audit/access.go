package audit

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"
)

// Access is one read of one user's health data.
type Access struct {
	UserID     string
	At         time.Time
	Actor      string
	Operation  string
	RangeStart *time.Time // the data of [RangeStart, RangeEnd) was asked for; nil if it has no range
	RangeEnd   *time.Time
	Items      int32 // how many records the answer held
	IP         string
	Client     string
	RequestID  string
}

// Entry is one entry of a user's access ledger: its number Seq, which counts from
// 1 for each user, and its hash, which covers the hash of the entry before. If
// that was purged, Anchor is its hash.
//
// What names the reader is covered through Personal, a salted hash of it, so that
// it can be erased later and the ledger still verifies.
type Entry struct {
	Access
	Seq      int64
	Hash     [32]byte
	Anchor   *[32]byte
	Salt     *[16]byte // nil once what names the reader was erased
	Personal *[32]byte // nil in entries of the first form, which cover it themselves
}

// NewEntry returns the entry of a, which follows the entry with that number and
// hash. They are zero for the first.
func NewEntry(a Access, seq int64, prev [32]byte) Entry {
	e := Entry{Access: a, Seq: seq + 1, Salt: new([16]byte)}
	rand.Read(e.Salt[:])
	personal := e.personal()
	e.Personal = &personal
	e.Hash = e.chain(prev)
	return e
}

// Erase removes what names the reader.
func (e *Entry) Erase() { e.IP, e.Client, e.RequestID, e.Salt = "", "", "", nil }

// Intact reports whether the entry is as it was written, after an entry with the
// hash prev, all zero for the first. Changing, dropping or reordering an entry
// changes every later hash.
func (e *Entry) Intact(prev [32]byte) bool {
	switch {
	case e.Personal == nil: // the first form
		return e.Hash == e.Chain(prev)
	case e.Salt == nil && (e.IP != "" || e.Client != "" || e.RequestID != ""):
		return false
	case e.Salt != nil && *e.Personal != e.personal():
		return false
	}
	return e.Hash == e.chain(prev)
}

// personal returns the salted hash of what names the reader.
func (e *Entry) personal() [32]byte {
	h := fields{sha256.New()}
	h.Write(e.Salt[:])
	h.texts(e.IP, e.Client, e.RequestID)
	return h.sum()
}

// chain returns the hash of the entry, which covers prev.
func (e *Entry) chain(prev [32]byte) [32]byte {
	h := fields{sha256.New()}
	h.Write(prev[:])
	h.texts("2", e.UserID, e.Actor, e.Operation)
	h.Write(e.Personal[:])
	h.number(uint64(e.At.UnixMicro()))
	h.number(uint64(e.Items))
	for _, t := range []*time.Time{e.RangeStart, e.RangeEnd} {
		if t == nil {
			h.texts("")
			continue
		}
		h.texts("at")
		h.number(uint64(t.UnixMicro()))
	}
	return h.sum()
}

// Chain returns the hash of an entry of the first form.
func (a Access) Chain(prev [32]byte) [32]byte {
	h := fields{sha256.New()}
	h.Write(prev[:])
	h.texts(a.UserID, a.Actor, a.Operation, a.IP, a.Client, a.RequestID)
	h.number(uint64(a.At.UnixMicro()))
	h.number(uint64(a.Items))
	return h.sum()
}

// fields hashes values so that no two sequences run together.
type fields struct{ hash.Hash }

func (f fields) texts(all ...string) {
	for _, s := range all {
		f.number(uint64(len(s)))
		f.Write([]byte(s))
	}
}

func (f fields) number(n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	f.Write(b[:])
}

func (f fields) sum() [32]byte { return [32]byte(f.Sum(nil)) }
