package scenario_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// TestIdleConnectionsKeepNobodyOut opens more connections from one address than it may have, none of
// which sends a request. Another client of the same address is served at once.
func TestIdleConnectionsKeepNobodyOut(t *testing.T) {
	n := listen(t)
	idle := make([]net.Conn, 0, 1_200)
	for range cap(idle) {
		conn := n.dial(t)
		_, err := io.WriteString(conn, http2.ClientPreface)
		if err == nil {
			err = http2.NewFramer(conn, conn).WriteSettings()
		}
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	slowest := time.Duration(0)
	for range 20 {
		begun := time.Now()
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
		res, err := client.Get(n.url + "/livez")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		slowest = max(slowest, time.Since(begun))
	}
	t.Logf("beside %d idle connections, /livez took %v at most", len(idle), slowest)
	if slowest > 2*time.Second {
		t.Errorf("/livez took %v", slowest)
	}
}
