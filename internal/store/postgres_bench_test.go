package store

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
)

// BenchmarkPostgres measures a refresh and an exchange of one application, from the
// rules down to a PostgreSQL that waits for the disk, by the number of callers at once.
// The yardstick is "tx", a transaction of five statements, each sent alone, that locks
// and updates a row and inserts another. cpu-us/op is the time of this process and of
// PostgreSQL for one, which a busy machine changes the least.
func BenchmarkPostgres(b *testing.B) {
	server := must(pgtest.Start("max_wal_size=4GB"))(b)
	b.Cleanup(func() {
		if err := server.Close(); err != nil {
			b.Error(err)
		}
	})
	dsn := server.New(b)
	s := openStore(b, dsn, Options{})
	a := newAccount(b, s)
	c := a.newClient(b)
	users := make([]string, 1000)
	for i := range users {
		users[i] = a.newUser(b)
	}
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("tx/%d", callers), func(b *testing.B) { transactions(b, server, dsn, callers) })
		b.Run(fmt.Sprintf("refresh/%d", callers), func(b *testing.B) {
			tokens := make([]string, callers)
			for i := range tokens {
				tokens[i] = must(c.exchange(b.Context(), a.newUser(b)))(b).RefreshToken
			}
			atOnce(b, server, callers, func(i int) error {
				grant, err := a.refresh(b.Context(), tokens[i])
				tokens[i] = grant.RefreshToken
				return err
			})
		})
		b.Run(fmt.Sprintf("exchange/%d", callers), func(b *testing.B) {
			var next atomic.Int64
			atOnce(b, server, callers, func(int) error {
				_, err := c.exchange(b.Context(), users[next.Add(1)%int64(len(users))])
				return err
			})
		})
	}
}

// atOnce calls f b.N times in all, from so many goroutines, each with its number.
func atOnce(b *testing.B, server *pgtest.Server, callers int, f func(i int) error) {
	b.Helper()
	var left atomic.Int64
	left.Store(int64(b.N))
	var all sync.WaitGroup
	before := processorTime(b, server)
	b.ResetTimer()
	for i := range callers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				if err := f(i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	b.ReportMetric((processorTime(b, server)-before)*1e6/float64(b.N), "cpu-us/op")
}

// transactions runs the yardstick on a table of 1,000 rows.
func transactions(b *testing.B, server *pgtest.Server, dsn string, callers int) {
	conns := make([]*pgx.Conn, callers)
	for i := range conns {
		conns[i] = must(pgx.Connect(b.Context(), dsn))(b)
		defer conns[i].Close(context.Background())
	}
	if _, err := conns[0].Exec(b.Context(), "CREATE TABLE IF NOT EXISTS yard (id int PRIMARY KEY, n int); "+
		"CREATE TABLE IF NOT EXISTS stick (id text PRIMARY KEY, row int); "+
		"INSERT INTO yard SELECT i, 0 FROM generate_series(0, 999) i ON CONFLICT DO NOTHING"); err != nil {
		b.Fatal(err)
	}
	var next atomic.Int64
	atOnce(b, server, callers, func(i int) error {
		id := int(next.Add(1) % 1000)
		for _, statement := range []struct {
			text string
			args []any
		}{
			{"BEGIN", nil},
			{"SELECT n FROM yard WHERE id = $1 FOR UPDATE", []any{id}},
			{"UPDATE yard SET n = n + 1 WHERE id = $1", []any{id}},
			{"INSERT INTO stick VALUES ($1, $2)", []any{rand.Text(), id}},
			{"COMMIT", nil},
		} {
			if _, err := conns[i].Exec(b.Context(), statement.text, statement.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// processorTime returns the seconds that this process and those of the server have
// used so far.
func processorTime(b *testing.B, server *pgtest.Server) (seconds float64) {
	b.Helper()
	pid, _, _ := bytes.Cut(must(os.ReadFile(filepath.Join(server.Folder(), "data", "postmaster.pid")))(b), []byte("\n"))
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is good
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil { // it has ended
			continue
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		own, parent := filepath.Base(filepath.Dir(path)), fields[1]
		if own != strconv.Itoa(os.Getpid()) && own != string(pid) && parent != string(pid) {
			continue
		}
		used := fields[11:13] // see proc(5): utime and stime, in hundredths of a second
		if own == string(pid) {
			used = fields[11:15] // with those of its children that have ended
		}
		for _, ticks := range used {
			seconds += float64(must(strconv.Atoi(ticks))(b)) / 100
		}
	}
	return seconds
}
