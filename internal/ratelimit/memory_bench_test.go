package ratelimit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

func BenchmarkTakeOneID(b *testing.B) {
	m := ratelimit.NewMemory(nil)
	p := ratelimit.Policy{Name: "key", Limit: 1000, Window: time.Minute}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			_, _ = m.Take(b.Context(), p, "key_1")
		}
	})
}

func BenchmarkTakeManyIDs(b *testing.B) {
	m := ratelimit.NewMemory(nil)
	p := ratelimit.Policy{Name: "key", Limit: 1000, Window: time.Minute}
	ids := make([]string, 10_000)
	for i := range ids {
		ids[i] = "key_" + strconv.Itoa(i)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			_, _ = m.Take(b.Context(), p, ids[i%len(ids)])
		}
	})
}

func BenchmarkTakeNewIDs(b *testing.B) {
	m := ratelimit.NewMemory(nil)
	p := ratelimit.Policy{Name: "address", Limit: 600, Window: time.Minute}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_, _ = m.Take(b.Context(), p, strconv.Itoa(i))
	}
}
