package main_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// held is a request in flight: the server has its header and waits for its body.
type held struct {
	conn net.Conn
	rest string
}

// hold sends the header of a login and returns when the server waits for the
// body.
func hold(t *testing.T, p *process) held {
	t.Helper()
	conn, err := dialer.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(requestTimeout)); err != nil {
		t.Fatal(err)
	}
	const body = `{"email":"nobody@example.com","password":"x"}`
	_, err = fmt.Fprintf(conn, "POST /api/v1/auth/login HTTP/1.1\r\nHost: held\r\nContent-Type: application/json\r\n"+
		"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n", len(body))
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 100 ") { // the server waits for the body
		t.Fatalf("%q, %v", line, err)
	}
	return held{conn, body}
}

// finish sends the body and returns the status line.
func (h held) finish(t *testing.T) string {
	t.Helper()
	if _, err := io.WriteString(h.conn, h.rest); err != nil {
		t.Fatal(err)
	}
	if err := h.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(h.conn)
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(line, "HTTP/1.1 ") {
			return strings.TrimSpace(line)
		}
	}
}

// refuses reports whether the server refuses new connections.
func refuses(p *process) bool {
	conn, err := dialer.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
	if err == nil {
		conn.Close()
	}
	return err != nil
}

func TestTerminationAnswersWhatIsUnderWay(t *testing.T) {
	p := install(t).serve()
	h := hold(t, p)
	p.signal(syscall.SIGTERM)
	eventually(t, "new connections are refused", func() bool { return refuses(p) })
	if line := h.finish(t); line != "HTTP/1.1 401 Unauthorized" {
		t.Errorf("the request under way was answered %q", line)
	}
	if status := p.wait(); status != 0 {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
}

// A peer that never finishes its request neither delays the exit nor changes its
// status.
func TestTerminationCutsOffWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	p := install(t).serve()
	hold(t, p)
	if status := p.stop(); status != 0 || !strings.Contains(p.stderr.String(), "requests under way were cut off") {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
}

// Every request is answered, and everything buffered in memory is written.
func TestTerminationUnderLoadLosesNothing(t *testing.T) {
	i, password := installWithDeveloper(t)
	p := i.serve("--limit-key", "1000000", "--limit-developer", "1000000")
	admin := p.login(email, password).access
	user := p.want(201, "POST", "/api/v1/users", admin, map[string]any{}).str("id")
	created := p.want(201, "POST", "/api/v1/api-keys", admin, nil)
	read := "/api/v1/users/" + user + "/events/workouts?start_date=2026-03-01&end_date=2026-03-07"
	var reads atomic.Int64
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			for {
				a, err := p.send(client, "GET", read, created.str("key"), nil)
				switch {
				case err != nil && refuses(p): // it has ended
					return
				case err != nil || a.status != 200:
					t.Errorf("answer %d, %v", a.status, err)
					return
				}
				reads.Add(1)
			}
		})
	}
	eventually(t, "the load runs", func() bool { return reads.Load() > 50 })
	if status := p.stop(); status != 0 {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
	readers.Wait()
	db, err := sql.Open("sqlite", "file:"+i.path("openwearables.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var entries int64
	var used sql.NullInt64
	row := db.QueryRowContext(context.Background(), "SELECT (SELECT count(*) FROM access_ledger WHERE user_id = ?), last_used_at FROM api_keys WHERE id = ?", user, created.str("id"))
	if err := row.Scan(&entries, &used); err != nil {
		t.Fatal(err)
	}
	if entries != reads.Load() || !used.Valid {
		t.Errorf("%d reads were answered, the ledger has %d; the key was last used at %v", reads.Load(), entries, used)
	}
}

// With a drain delay, /readyz turns 503 first, and requests on new connections
// are still answered.
func TestDrainDelayKeepsAccepting(t *testing.T) {
	t.Parallel()
	i, _ := installWithDeveloper(t)
	p := i.serve("--drain-delay", "1500ms")
	p.signal(syscall.SIGTERM)
	begun, answered := time.Now(), 0
	eventually(t, "/readyz is 503", func() bool { return p.call("GET", "/readyz", "", nil).status == 503 })
	for ; time.Since(begun) < time.Second; time.Sleep(20 * time.Millisecond) {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		if a, err := p.send(c, "GET", "/api/v1/auth/me", "", nil); err != nil || a.status != 401 {
			t.Fatalf("%v after SIGTERM: %d, %v", time.Since(begun), a.status, err)
		}
		answered++
	}
	if status := p.wait(); status != 0 || time.Since(begun) < 1500*time.Millisecond || answered == 0 {
		t.Errorf("ended with %d after %v, %d answered", status, time.Since(begun), answered)
	}
}
