package openwearables_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	openwearables "github.com/openwearables/openwearables/clients/go"
	owv1 "github.com/openwearables/openwearables/gen/openwearables/v1"
	owv1connect "github.com/openwearables/openwearables/gen/openwearables/v1/openwearablesv1connect"
)

// getByHand makes the call of Users.Get with net/http alone.
func getByHand(ctx context.Context, h *http.Client, id string) (*owv1.GetUserResponse, error) {
	body, err := proto.Marshal(&owv1.GetUserRequest{Id: id})
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, benchBase+owv1connect.UserServiceGetUserProcedure, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/proto")
	r.Header.Set("Connect-Protocol-Version", "1")
	r.Header.Set("Authorization", "Bearer access")
	res, err := h.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("status %d", res.StatusCode)
	}
	if body, err = io.ReadAll(res.Body); err != nil {
		return nil, err
	}
	out := new(owv1.GetUserResponse)
	return out, proto.Unmarshal(body, out)
}

// BenchmarkOverNetHTTP makes the same call through this package and with net/http alone
// in turns, and reports the fastest rounds of both. make bench reads it.
func BenchmarkOverNetHTTP(b *testing.B) {
	ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
	defer cancel()
	h := cannedClient(b)
	s := newClient(b, benchBase, openwearables.WithHTTPClient(h), openwearables.WithStore(openwearables.MemoryStore()))
	if err := s.SignIn(b.Context(), benchPair()); err != nil {
		b.Fatal(err)
	}
	calls := []func(){
		func() {
			if res, err := getByHand(ctx, h, "u"); err != nil || res.GetUser().GetId() != "u" {
				b.Fatal(res, err)
			}
		},
		func() {
			if u, err := s.Users.Get(ctx, "u"); err != nil || u.GetId() != "u" {
				b.Fatal(u, err)
			}
		},
	}
	fastest := [2]time.Duration{time.Hour, time.Hour}
	const each = 20
	for b.Loop() {
		for i, call := range calls {
			began := time.Now()
			for range each {
				call()
			}
			fastest[i] = min(fastest[i], time.Since(began))
		}
	}
	for i, name := range []string{"bare", "ours"} {
		b.ReportMetric(float64(fastest[i])/each, name+"-ns/call")
		b.ReportMetric(testing.AllocsPerRun(1000, calls[i]), name+"-allocs/call")
	}
}

// BenchmarkExpiry has a thousand callers meet an expired token at once, on the real
// server, and reports how many refreshes that makes. make bench reads it.
func BenchmarkExpiry(b *testing.B) {
	const callers = 1000
	proxy, base := newProxy(b)
	rounds := 0
	for b.Loop() {
		b.StopTimer()
		c := newClient(b, base, openwearables.WithStore(seeded(b, base, newPerson(b).pair, expired)))
		begin := make(chan struct{})
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				<-begin
				if _, _, err := c.Token(b.Context()); err != nil {
					b.Error(err)
				}
			})
		}
		b.StartTimer()
		close(begin)
		all.Wait()
		rounds++
	}
	b.ReportMetric(callers, "callers/op")
	b.ReportMetric(float64(proxy.Report().Requests["RefreshToken"])/float64(rounds), "refreshes/op")
}
