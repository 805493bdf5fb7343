package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/audit"
	"github.com/openwearables/openwearables/internal/auth"
)

// testSigner is an audit.Signer.
type testSigner struct{}

func (testSigner) SignHead(h *audit.Head) {
	h.Mac = sha256.Sum256([]byte("key" + strings.Join(h.Parts(), "\x00")))
}

func (s testSigner) Genuine(h *audit.Head) bool {
	again := *h
	s.SignHead(&again)
	return again.Mac == h.Mac
}

// checkLedgers returns what is wrong with the ledgers, by user.
func (s *Store) checkLedgers(t *testing.T, dsn string) LedgerReport {
	t.Helper()
	must(s.SetMeta(t.Context(), "secret_fingerprint", "mine"))(t)
	return must(CheckLedgers(t.Context(), dsn, Options{}, "mine", testSigner{}))(t)
}

// onEachDSN is onEach with the DSN of the store.
func onEachDSN(t *testing.T, test func(t *testing.T, s *Store, dsn string)) {
	t.Parallel()
	for name, make := range dsns {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dsn := make(t)
			test(t, openStore(t, dsn, Options{}).unhurried(), dsn)
		})
	}
}

func (s *Store) readBy(t *testing.T, actor, user string, times int) {
	t.Helper()
	var all []audit.Access
	for i := range times {
		at := epoch.Add(time.Duration(i) * time.Minute)
		all = append(all, audit.Access{
			UserID: user, At: at, Actor: actor, Operation: "ListWorkouts", RangeStart: &epoch, RangeEnd: &at, Items: 3,
			IP: "192.0.2.1", Client: "phone", RequestID: fmt.Sprint("req_", i),
		})
	}
	if err := s.AppendAccess(t.Context(), all); err != nil {
		t.Fatal(err)
	}
}

// Whatever is changed in the ledgers or their heads shows, and names the user.
func TestLedgerCheckFindsTampering(t *testing.T) {
	onEachDSN(t, func(t *testing.T, s *Store, dsn string) {
		users := []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"}
		for _, user := range users {
			s.readBy(t, "developer:1", user, 5)
		}
		s.readBy(t, "developer:1", "many", 2*checkBatch+1)
		if err := s.SignHeads(t.Context(), epoch, testSigner{}); err != nil {
			t.Fatal(err)
		}
		s.readBy(t, "developer:1", "unsigned", 2)
		s.readBy(t, "developer:1", "a", 2)
		intact := s.checkLedgers(t, dsn)
		if intact.Users != 12 || intact.Entries != int64(10*5+2*checkBatch+1+4) || intact.Heads != 11 || len(intact.Broken) != 0 {
			t.Fatalf("the ledgers as they are: %+v", intact)
		}
		for _, statement := range []string{
			"UPDATE access_ledger SET actor = 'nobody' WHERE user_id = 'a' AND seq = 3",
			"DELETE FROM access_ledger WHERE user_id = 'b' AND seq = 2",
			"DELETE FROM access_ledger WHERE user_id = 'c' AND seq >= 4",
			"DELETE FROM access_ledger WHERE user_id = 'd'",
			"UPDATE access_ledger SET ip = '192.0.2.2' WHERE user_id = 'e' AND seq = 5",
			"UPDATE ledger_heads SET seq = 4 WHERE user_id = 'f'",
			"UPDATE access_ledger SET range_end = NULL WHERE user_id = 'g' AND seq = 1",
			"UPDATE access_ledger SET salt = NULL WHERE user_id = 'h' AND seq = 1",
			"DELETE FROM access_ledger WHERE user_id = 'many' AND seq = " + fmt.Sprint(checkBatch),
			"UPDATE access_ledger SET anchor = (SELECT hash FROM access_ledger WHERE user_id = 'j' AND seq = 2) WHERE user_id = 'j' AND seq = 3",
			"DELETE FROM access_ledger WHERE user_id = 'j' AND seq <= 2",
		} {
			if n := must(s.execRaw(t, statement))(t); n == 0 {
				t.Fatalf("nothing was changed by %s", statement)
			}
		}
		broken := s.checkLedgers(t, dsn).Broken
		want := []string{"a", "b", "c", "d", "e", "f", "g", "h", "j", "many"}
		if got := slices.Sorted(maps.Keys(broken)); !slices.Equal(got, want) {
			t.Errorf("broken are %v, want %v", broken, want)
		}
		for user, says := range map[string]string{
			"a": "entry 3 is missing, or was changed", "b": "entry 2 is missing", "c": "ends at entry 3 or was written anew, and entry 5 was signed",
			"d": "all entries are missing, and entry 5 was signed", "f": "the signed head was changed", "j": "it begins at entry 3, and was signed as beginning at entry 1",
			"many": fmt.Sprintf("entry %d is missing", checkBatch),
		} {
			if err := broken[user]; err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("of %s it says %v, want %q", user, err, says)
			}
		}
		// Reads that follow do not have the server sign over what was done.
		s.readBy(t, "developer:1", "c", 7)
		s.readBy(t, "developer:1", "j", 7)
		err := s.SignHeads(t.Context(), epoch, testSigner{})
		if err == nil || !strings.Contains(err.Error(), "user c: ") || !strings.Contains(err.Error(), "user j: ") || strings.Contains(err.Error(), "user i: ") {
			t.Errorf("the signatures end with %v", err)
		}
		again := s.checkLedgers(t, dsn).Broken
		if got := slices.Sorted(maps.Keys(again)); !slices.Equal(got, want) {
			t.Errorf("later, broken are %v, want %v", got, want)
		}
		_, err = CheckLedgers(t.Context(), dsn, Options{}, "another", testSigner{})
		if err == nil || !strings.Contains(err.Error(), "not the secret") {
			t.Errorf("with another secret: %v", err)
		}
	})
}

func (s *Store) execRaw(t *testing.T, statement string) (n int64, err error) {
	t.Helper()
	err = s.do(t.Context(), func(ctx context.Context, tx *tx) (err error) {
		n, err = tx.exec(ctx, tx.db.NewRaw(statement).Conn(tx.conn))
		return err
	})
	return n, err
}

// A head is signed again only once its ledger has grown, and never goes back.
func TestHeadsFollowTheLedgers(t *testing.T) {
	onEachDSN(t, func(t *testing.T, s *Store, dsn string) {
		heads := func() (all []headRow) {
			t.Helper()
			all = must(few[headRow](t.Context(), s.reader, "user_id", nil))(t)
			return all
		}
		sign := func(at time.Time) {
			t.Helper()
			if err := s.SignHeads(t.Context(), at, testSigner{}); err != nil {
				t.Fatal(err)
			}
		}
		sign(epoch)
		s.readBy(t, "developer:1", "a", 3)
		s.readBy(t, "developer:1", "b", 1)
		sign(epoch.Add(time.Hour))
		first := heads()
		if len(first) != 2 || first[0].Seq != 3 || !first[0].At.Equal(epoch.Add(time.Hour)) {
			t.Fatalf("the heads are %+v", first)
		}
		s.readBy(t, "developer:1", "b", 1)
		sign(epoch.Add(2 * time.Hour))
		second := heads()
		if second[0].Head != first[0].Head || second[1].Seq != 2 || !second[1].At.Equal(epoch.Add(2*time.Hour)) {
			t.Errorf("the heads are %+v", second)
		}
		if broken := s.checkLedgers(t, dsn).Broken; len(broken) != 0 {
			t.Errorf("broken: %v", broken)
		}
		if err := s.Purge(t.Context(), Retention{Ledger: time.Hour, Signer: testSigner{}}); err != nil {
			t.Fatal(err)
		}
		if broken := s.checkLedgers(t, dsn).Broken; len(broken) != 0 || len(s.ledgerOf(t, "a")) != 1 {
			t.Errorf("after a purge broken: %v", broken)
		}
	})
}

// Of a user who was deleted the ledger stays and verifies, and does not name the
// person, also in reads that are written afterwards.
func TestDeletedUserIsErasedFromTheLedger(t *testing.T) {
	onEachDSN(t, func(t *testing.T, s *Store, dsn string) {
		u, kept := s.addUser(t), s.addUser(t)
		s.readBy(t, "user:"+u.ID, u.ID, 3*removalBatch)
		s.readBy(t, "key:1", u.ID, 2)
		s.readBy(t, "user:"+kept.ID, kept.ID, 1)
		if err := s.SignHeads(t.Context(), epoch, testSigner{}); err != nil {
			t.Fatal(err)
		}
		s.write(t, func(ctx context.Context, tx auth.Tx) error { return tx.DeleteUser(ctx, u.ID) })
		s.readBy(t, "user:"+u.ID, u.ID, 1)
		if err := s.Remove(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, e := range append(s.ledgerOf(t, u.ID), s.ledgerOf(t, kept.ID)...) {
			own := e.Actor == "user:"+u.ID
			if named := e.IP != "" || e.Client != "" || e.RequestID != "" || e.Salt != nil; named == own {
				t.Fatalf("entry %d is %+v", e.Seq, e)
			}
		}
		report := s.checkLedgers(t, dsn)
		if len(report.Broken) != 0 || report.Entries != 3*removalBatch+4 {
			t.Errorf("the check says %+v", report)
		}
		must(s.execRaw(t, "UPDATE access_ledger SET ip = '192.0.2.7' WHERE user_id = '"+u.ID+"' AND seq = 1"))(t)
		if len(s.checkLedgers(t, dsn).Broken) != 1 {
			t.Error("an address that was put into an erased entry is not noticed")
		}
	})
}

// Entries that an earlier release wrote verify, and the chain goes on after them.
func TestLedgerOfTheFirstFormGoesOn(t *testing.T) {
	onEachDSN(t, func(t *testing.T, s *Store, dsn string) {
		a := audit.Access{UserID: "u", At: epoch, Actor: "key:1", Operation: "ListWorkouts", Items: 1, IP: "192.0.2.1"}
		e := entryRow{Entry: audit.Entry{Access: a, Seq: 1, Hash: a.Chain([32]byte{})}}
		err := s.do(t.Context(), func(ctx context.Context, tx *tx) error {
			_, err := tx.exec(ctx, tx.insert(&e))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		s.readBy(t, "key:1", "u", 2)
		if broken := s.checkLedgers(t, dsn).Broken; len(broken) != 0 {
			t.Fatal(broken)
		}
		must(s.execRaw(t, "UPDATE access_ledger SET ip = NULL WHERE user_id = 'u' AND seq = 1"))(t)
		if len(s.checkLedgers(t, dsn).Broken) != 1 {
			t.Error("a change of an entry of the first form is not noticed")
		}
	})
}

// A search for rare events looks at a bounded number of them at a time, and finds
// all of them.
func TestRareEventsAreFoundStepByStep(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store) {
		const rare = 3
		for i := range 3 * maxLooked / 5000 {
			err := s.WriteLong(t.Context(), func(ctx context.Context, tx auth.Tx) error {
				for j := range 5000 {
					e := newEvent("user:u")
					e.At = epoch.Add(time.Duration(i*5000+j) * time.Millisecond)
					if i%4 == 0 && j == 0 {
						e.Action = "rare"
					}
					if err := tx.Record(ctx, e); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		found, steps := 0, 0
		for q := (auth.EventQuery{Action: "rare", Limit: 10}); ; steps++ {
			events, rest, err := s.AuditEvents(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			if found += len(events); rest == nil {
				break
			}
			q.After = rest
		}
		if found != rare || steps < 2 || steps > 4 {
			t.Errorf("%d of %d rare events in %d steps", found, rare, steps)
		}
	})
}
