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
// entries are missing shows only against a Head, as does that others than a purge
// have removed first ones and set the anchor.
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

// Head is a signed statement of how far a user's ledger had come.
type Head struct {
	UserID string
	Seq    int64    // of the newest entry
	Hash   [32]byte // of the newest entry
	At     time.Time
	Mac    [32]byte
}

// Parts returns what the signature covers.
func (h *Head) Parts() []string {
	return []string{h.UserID, strconv.FormatInt(h.Seq, 10), string(h.Hash[:]), strconv.FormatInt(h.At.UnixMicro(), 10)}
}
