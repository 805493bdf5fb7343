package store

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
)

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
		first := full.Chain([32]byte{})
		wantEqual(t, must(s.Accesses(t.Context(), full.UserID))(t), []Entry{{full, 1, first, nil}, {other, 2, other.Chain(first), nil}})
		first = bare.Chain([32]byte{})
		wantEqual(t, must(s.Accesses(t.Context(), "b"))(t), []Entry{{bare, 1, first, nil}, {bare, 2, bare.Chain(first), nil}})
		wantEqual(t, must(s.Accesses(t.Context(), "c"))(t), []Entry{})
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
			entries := must(s.Accesses(t.Context(), user))(t)
			wantEqual(t, len(entries), want)
			if err := VerifyLedger(entries); err != nil {
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
		intact := must(s.Accesses(t.Context(), "u"))(t)
		if err := VerifyLedger(intact); err != nil {
			t.Fatal(err)
		}
		for name, tamper := range map[string]func([]Entry) []Entry{
			"changed": func(l []Entry) []Entry { l[2].Actor = "developer:x"; return l },
			"dropped": func(l []Entry) []Entry { return slices.Delete(l, 2, 3) },
			"renumbered": func(l []Entry) []Entry {
				l = slices.Delete(l, 2, 3)
				for i := range l {
					l[i].Seq = int64(i) + 1
				}
				return l
			},
			"swapped":  func(l []Entry) []Entry { l[1], l[2] = l[2], l[1]; return l },
			"inserted": func(l []Entry) []Entry { return slices.Insert(l, 2, l[2]) },
		} {
			if VerifyLedger(tamper(slices.Clone(intact))) == nil {
				t.Errorf("%s: not noticed", name)
			}
		}
	})
}
