package usage

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// memory keeps counts as a store does, and fails as often as it is told to.
type memory struct {
	mu    sync.Mutex
	last  map[string]int64
	sums  map[Source]Tally
	fails func() (before, after bool)
}

var errBroken = errors.New("broken")

func (m *memory) AddUsage(_ context.Context, writer string, number int64, counts []Count) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before, after := m.fails()
	if before {
		return errBroken
	}
	if m.last[writer] < number {
		m.last[writer] = number
		for _, c := range counts {
			sum := m.sums[c.Source]
			sum.Add(c.Tally)
			m.sums[c.Source] = sum
		}
	}
	if after {
		return errBroken
	}
	return nil
}

func newMemory() *memory {
	return &memory{last: map[string]int64{}, sums: map[Source]Tally{}, fails: func() (bool, bool) { return false, false }}
}

func (m *memory) total() (sum Tally) {
	for _, t := range m.sums {
		sum.Add(t)
	}
	return sum
}

// at is a time in the middle of a minute.
var at = time.Date(2026, 3, 7, 10, 30, 30, 0, time.UTC)

func fixed() time.Time { return at }

func caller(kind auth.CredentialKind, id, address, client string) *auth.Caller {
	return &auth.Caller{Principal: &auth.Principal{Kind: kind, ID: id}, Address: netip.MustParseAddr(address), Client: client}
}

func TestMeterTellsRequestsApart(t *testing.T) {
	store := newMemory()
	now := at
	m := NewMeter(store, func() time.Time { return now })
	minted := caller(auth.UserToken, "u", "2001:db8:1:2::3", "curl/8.1")
	minted.Principal.AppID = "app_1"
	byKey := caller(auth.UserToken, "u", "::ffff:192.0.2.9", "curl/8.2")
	byKey.Principal.AppID = "key:key_1"
	m.Count(minted, "ListWorkouts", OutcomeOf(200))
	m.Count(byKey, "ListWorkouts", OutcomeOf(204))
	m.Count(caller(auth.UserToken, "u", "192.0.2.200", "curl/8.3"), "ListWorkouts", OutcomeOf(404))
	m.Count(&auth.Caller{Refused: nil, Client: "curl/8"}, "ListWorkouts", OutcomeOf(401))
	now = now.Add(time.Minute)
	for _, status := range []int{200, 201, 400, 499, 429, 500, 503} {
		m.Count(&auth.Caller{Principal: &auth.Principal{Kind: auth.APIKey, ID: "k"}}, "GetUser", OutcomeOf(status))
	}
	if err := m.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	minute := at.Unix() / 60
	want := map[Source]Tally{
		{auth.Holder{Kind: auth.UserToken, ID: "u", AppID: "app_1"}, "ListWorkouts", "curl/8", "2001:db8:1::/48", minute}: {Requests: 1, LastUsedAt: at},
		{auth.Holder{Kind: auth.UserToken, ID: "u"}, "ListWorkouts", "curl/8", "192.0.2.0/24", minute}:                    {Requests: 2, Refused: 1, LastUsedAt: at},
		{auth.Holder{Kind: auth.APIKey, ID: "k"}, "GetUser", "unknown", "unknown", minute + 1}:                            {Requests: 6, Refused: 2, Failed: 2, LastUsedAt: now},
		// Who may send any number of these may not make as many different ones.
		{auth.Holder{Kind: auth.APIKey, ID: "k"}, "GetUser", Other, Other, minute + 1}: {Requests: 1, Limited: 1, LastUsedAt: now},
	}
	if len(store.sums) != len(want) {
		t.Errorf("%d sources: %v", len(store.sums), store.sums)
	}
	for s, tally := range want {
		if store.sums[s] != tally {
			t.Errorf("%+v: %+v, want %+v", s, store.sums[s], tally)
		}
	}
}

// Every request counts once, however many count while others are written, and
// however often a write fails, also after it was done.
func TestMeterIsExact(t *testing.T) {
	store := newMemory()
	n := 0
	store.fails = func() (bool, bool) { n++; return n%3 == 1, n%5 == 2 }
	m := NewMeter(store, time.Now)
	const goroutines, each = 8, 20_000
	var counting sync.WaitGroup
	for g := range goroutines {
		counting.Go(func() {
			for i := range each {
				m.Count(caller(auth.APIKey, fmt.Sprint("key_", i%300), "192.0.2.1", fmt.Sprint("c/", g)), "GetUser", Outcome(i%int(outcomes)))
			}
		})
	}
	done := make(chan struct{})
	go func() { counting.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		_ = m.Flush(t.Context())
	}
	for m.Flush(t.Context()) != nil {
	}
	const all = goroutines * each
	if got := store.total(); got.Requests != all || got.Refused != all/4 || got.Limited != all/4 || got.Failed != all/4 {
		t.Errorf("%+v, want %d", got, all)
	}
	if s := m.Stats(); s.Lost != 0 || s.Waiting != 0 || s.Written != all || s.Failures == 0 {
		t.Errorf("%+v", s)
	}
}

// What a caller can make grow is bounded: first clients and networks are no longer
// told apart, then requests are lost and counted as such.
func TestMeterIsBounded(t *testing.T) {
	store := newMemory()
	store.fails = func() (bool, bool) { return true, false }
	m := NewMeter(store, fixed)
	m.shards, m.most = m.shards[:1], 10
	for i := range 100 {
		m.Count(caller(auth.APIKey, "k", "192.0.2.1", fmt.Sprint("c", i)), "GetUser", succeeded)
	}
	if n := len(m.shards[0].cells); n != 11 || m.lost.Load() != 0 {
		t.Errorf("%d cells for clients, %d requests lost", n, m.lost.Load())
	}
	for i := range 100 {
		m.Count(caller(auth.APIKey, fmt.Sprint("k", i), "192.0.2.1", "c"), "GetUser", succeeded)
	}
	if n := len(m.shards[0].cells); n != 20 || m.lost.Load() != 91 {
		t.Errorf("%d cells for keys, %d requests lost", n, m.lost.Load())
	}
	for range 2 {
		if m.Flush(t.Context()) == nil {
			t.Fatal("written")
		}
	}
	if n := len(m.shards[0].cells); n != 0 {
		t.Errorf("%d cells stay in a crowded shard", n)
	}
	store.fails = newMemory().fails
	if err := m.Flush(t.Context()); err != nil || store.total().Requests != 109 {
		t.Errorf("%d requests, %v", store.total().Requests, err)
	}
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(nil)
	tally := Tally{Requests: 1}
	for i := range 2 * maxPending {
		q.add(Source{Client: fmt.Sprint(i)}, tally)
	}
	if n := len(q.pending); n != maxPending+1 {
		t.Errorf("%d sources wait", n)
	}
	full := true
	for i := range 2 * maxPending {
		full = q.add(Source{Operation: fmt.Sprint(i)}, tally)
	}
	if n := len(q.pending); n != 2*maxPending || full {
		t.Errorf("%d sources wait, room: %v", n, full)
	}
}

// A request counts in the minute in which it came, also if it is written later.
func TestMeterKeepsTheMinute(t *testing.T) {
	store := newMemory()
	now := at
	m := NewMeter(store, func() time.Time { return now })
	m.shards = m.shards[:1]
	c := caller(auth.APIKey, "k", "192.0.2.1", "c")
	for range 3 {
		m.Count(c, "GetUser", succeeded)
		now = now.Add(time.Minute)
	}
	for m.Flush(t.Context()) != nil {
	}
	if store.total().Requests != 3 || len(store.sums) != 2 { // the third is with the first: no flush for two minutes
		t.Errorf("%v", store.sums)
	}
	now = now.Add(idleFor + time.Second)
	if err := m.Flush(t.Context()); err != nil || len(m.shards[0].cells) != 0 {
		t.Errorf("%d idle cells are kept, %v", len(m.shards[0].cells), err)
	}
}

func TestCountAllocatesNothing(t *testing.T) {
	m := NewMeter(newMemory(), time.Now)
	c := caller(auth.APIKey, "key_1", "192.0.2.1", strings.Repeat("agent ", 20))
	for range 10_000 {
		m.Count(c, "GetUser", succeeded)
	}
	if n := testing.AllocsPerRun(1000, func() { m.Count(c, "GetUser", succeeded) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkCount is what counting adds to a request.
func BenchmarkCount(b *testing.B) {
	user := caller(auth.UserToken, "550e8400-e29b-41d4-a716-446655440000", "2001:db8:1:2::3", "openwearables-go/0.1.0 (go1.26.8; linux/amd64)")
	user.Principal.AppID = "app_0123456789abcdefghij"
	for name, c := range map[string]*auth.Caller{
		"key":  caller(auth.APIKey, "key_0123456789abcdefghij", "192.0.2.1", "openwearables-go/0.1.0 (go1.26.8; linux/amd64)"),
		"user": user,
	} {
		b.Run(name, func(b *testing.B) {
			m := NewMeter(newMemory(), time.Now)
			b.ReportAllocs()
			for b.Loop() {
				m.Count(c, "ListWorkouts", succeeded)
			}
		})
		b.Run(name+" at once", func(b *testing.B) {
			m := NewMeter(newMemory(), time.Now)
			b.ReportAllocs()
			b.RunParallel(func(p *testing.PB) {
				for p.Next() {
					m.Count(c, "ListWorkouts", succeeded)
				}
			})
		})
	}
}
