package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
)

// ledgerOf returns the ledger of a user, oldest entry first.
func (s *Store) ledgerOf(t *testing.T, userID string) []audit.Entry {
	t.Helper()
	entries := must(s.Accesses(t.Context(), userID, nil, 10_000))(t)
	slices.Reverse(entries)
	return entries
}

func verifyLedger(entries []audit.Entry) error {
	var v audit.Verifier
	for i := range entries {
		if err := v.Next(&entries[i]); err != nil {
			return err
		}
	}
	return nil
}

func TestLedgerChainsEachUsersEntries(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		full, bare := fill[audit.Access](true), audit.Access{UserID: "b", At: epoch, Operation: "ListWorkouts", Items: 3}
		other := fill[audit.Access](true)
		other.UserID = full.UserID
		if err := s.AppendAccess(t.Context(), []audit.Access{full, bare, other}); err != nil {
			t.Fatal(err)
		}
		if err := s.AppendAccess(t.Context(), []audit.Access{bare}); err != nil {
			t.Fatal(err)
		}
		if err := s.AppendAccess(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		for user, want := range map[string][]audit.Access{full.UserID: {full, other}, "b": {bare, bare}, "c": {}} {
			entries, accesses := s.ledgerOf(t, user), make([]audit.Access, 0)
			for i, e := range entries {
				wantEqual(t, e.Seq, int64(i+1))
				accesses = append(accesses, e.Access)
			}
			wantEqual(t, accesses, want)
			if err := verifyLedger(entries); err != nil {
				t.Error(err)
			}
		}
	})
}

// However many append at once, each ledger has no gap and no fork.
func TestLedgerHasNoGapUnderConcurrency(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				var entries []audit.Access
				for j := range 30 {
					entries = append(entries, audit.Access{UserID: fmt.Sprint(j % 4), At: epoch.Add(time.Duration(i)), Operation: "ListWorkouts", Items: int32(j)})
				}
				if err := s.AppendAccess(t.Context(), entries); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for user, want := range map[string]int{"0": 32 * 8, "1": 32 * 8, "2": 32 * 7, "3": 32 * 7} {
			entries := s.ledgerOf(t, user)
			wantEqual(t, len(entries), want)
			if err := verifyLedger(entries); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestVerifyLedgerFindsTampering(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		for i := range 5 {
			a := fill[audit.Access](true)
			a.UserID, a.Items = "u", int32(i)
			if err := s.AppendAccess(t.Context(), []audit.Access{a}); err != nil {
				t.Fatal(err)
			}
		}
		intact := s.ledgerOf(t, "u")
		if err := verifyLedger(intact); err != nil {
			t.Fatal(err)
		}
		for name, tamper := range map[string]func([]audit.Entry) []audit.Entry{
			"changed": func(l []audit.Entry) []audit.Entry { l[2].Actor = "developer:x"; return l },
			"dropped": func(l []audit.Entry) []audit.Entry { return slices.Delete(l, 2, 3) },
			"renumbered": func(l []audit.Entry) []audit.Entry {
				l = slices.Delete(l, 2, 3)
				for i := range l {
					l[i].Seq = int64(i) + 1
				}
				return l
			},
			"swapped":  func(l []audit.Entry) []audit.Entry { l[1], l[2] = l[2], l[1]; return l },
			"inserted": func(l []audit.Entry) []audit.Entry { return slices.Insert(l, 2, l[2]) },
		} {
			if verifyLedger(tamper(slices.Clone(intact))) == nil {
				t.Errorf("%s: not noticed", name)
			}
		}
	})
}
