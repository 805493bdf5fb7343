package main_test

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkProcess measures the whole program: its size, the median time from
// its start until it is ready, and its memory when ready and after 10,000
// requests.
func BenchmarkProcess(b *testing.B) {
	for b.Loop() {
		info, err := os.Stat(binary)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(info.Size())/1e6, "MB-binary")
		i, password := installWithDeveloper(b)
		var ready []time.Duration
		for range 9 {
			p := i.serve()
			ready = append(ready, p.ready)
			p.stop()
		}
		slices.Sort(ready)
		b.ReportMetric(float64(ready[len(ready)/2].Milliseconds()), "ms-ready")
		p := i.serve("--limit-key", "1000000")
		b.ReportMetric(residentMemory(b, p), "MiB-ready")
		took := sendTenThousand(b, p, p.login(email, password).access)
		b.ReportMetric(residentMemory(b, p), "MiB-after-10000")
		b.ReportMetric(10_000/took.Seconds(), "requests/s")
		p.stop()
	}
	b.ReportMetric(0, "ns/op") // has no meaning here
}

// sendTenThousand sends 10,000 requests with an API key over 16 connections.
// They read users and workouts; every tenth writes.
func sendTenThousand(b *testing.B, p *process, admin string) time.Duration {
	b.Helper()
	key := p.want(201, "POST", "/api/v1/api-keys", admin, nil).str("key")
	user := p.want(201, "POST", "/api/v1/users", admin, map[string]any{}).str("id")
	workouts := "/api/v1/users/" + user + "/events/workouts"
	begun := time.Now()
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for m := range 625 {
				method, path, body := "GET", workouts+"?start_date=2026-03-01&end_date=2026-03-07", any(nil)
				switch m % 10 {
				case 0:
					method, path, body = "POST", workouts, map[string]any{"workouts": []any{map[string]any{
						"external_id": strconv.Itoa(n*1000 + m), "type": "running", "source": map[string]any{"provider": "apple"},
						"start_time": "2026-03-02T07:00:00Z", "end_time": "2026-03-02T07:30:00Z",
					}}}
				case 1, 2, 3, 4:
					path = "/api/v1/users?limit=20"
				}
				if a, err := p.send(client, method, path, key, body); err != nil || a.status != 200 {
					b.Errorf("%s %s answered %d %v, %v", method, path, a.status, a.body, err)
					return
				}
			}
		})
	}
	all.Wait()
	return time.Since(begun)
}

// residentMemory returns the resident memory of the process, in MiB.
func residentMemory(b *testing.B, p *process) float64 {
	b.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "\nVmRSS:")
	kib, err := strconv.ParseFloat(strings.Fields(rest + " ?")[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kib / 1024
}
