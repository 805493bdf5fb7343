package audit

import (
	"fmt"
	"strconv"
	"time"
)

// Verifier checks the entries of one user's ledger, one after the other. The zero
// value expects the first.
type Verifier struct {
	began bool
	seq   int64
	prev  [32]byte
}

// Next checks the entry that follows. It returns an error that names the first entry
// which was changed, was moved, or follows a missing one. A ledger whose first
// entries were purged begins at the anchor of the first that is left. That its last
// entries are missing, or that others than a purge have removed first ones, shows only
// against a Head.
func (v *Verifier) Next(e *Entry) error {
	if !v.began && e.Anchor != nil {
		v.prev, v.seq = *e.Anchor, e.Seq-1
	}
	v.began = true
	if e.Seq != v.seq+1 || !e.Intact(v.prev) {
		return fmt.Errorf("entry %d is missing, or was changed or moved", v.seq+1)
	}
	v.seq, v.prev = e.Seq, e.Hash
	return nil
}

// Last returns the number of the last entry that was checked.
func (v *Verifier) Last() int64 { return v.seq }

// Head is a signed statement of from where to where a user's ledger went. A purge
// signs it anew.
type Head struct {
	UserID string
	First  int64    // the number of the first entry that is left
	Anchor [32]byte // the hash of the entry before that; zero if it is number 1
	Seq    int64    // of the newest entry; First-1 if that is purged
	Hash   [32]byte // of the newest entry
	At     time.Time
	Mac    [32]byte
}

// Parts returns what the signature covers.
func (h *Head) Parts() []string {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		h.UserID, number(h.First), string(h.Anchor[:]), number(h.Seq), string(h.Hash[:]), number(h.At.UnixMicro()),
	}
}

// BeginsAt reports whether a ledger begins where the head says, if e is its first
// entry.
func (h *Head) BeginsAt(e *Entry) bool {
	var anchor [32]byte
	if e.Anchor != nil {
		anchor = *e.Anchor
	}
	return e.Seq == h.First && anchor == h.Anchor
}

// Signer signs heads and recognizes those that it has signed. Safe for concurrent
// use.
type Signer interface {
	SignHead(h *Head) // sets Mac
	Genuine(h *Head) bool
}
