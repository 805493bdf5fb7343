package store

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
)

// What an application minted ends at once, however much that is, and is revoked row by
// row afterwards. The time of an operation is that until the answer.
func BenchmarkEndApplication(b *testing.B) {
	for _, n := range []int{1_000, 20_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			benchEach(b, func(b *testing.B, s *Store) {
				u := s.addUser(b)
				for round := 0; b.Loop(); round++ {
					b.StopTimer()
					app := fmt.Sprintf("app_%d", round)
					for done := 0; done < n; done += 1_000 {
						s.mintSessions(b, fmt.Sprintf("%d-%d-", round, done), u.ID, app, 1_000)
					}
					begun := time.Now()
					b.StartTimer()
					err := s.WriteLong(b.Context(), func(ctx context.Context, tx auth.Tx) error {
						_, err := tx.EndSessions(ctx, auth.SessionFilter{AppID: app}, tx.Now())
						return err
					})
					b.StopTimer()
					if err != nil {
						b.Log("answered as", err)
					}
					for count(b, s, "endings") > 0 {
						if err := s.Remove(b.Context()); err != nil { // as on a busy machine
							b.Log(err)
						}
					}
					b.ReportMetric(float64(time.Since(begun).Milliseconds()), "all-ms")
					b.StartTimer()
				}
			})
		})
	}
}
