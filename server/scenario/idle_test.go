package scenario_test

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/openwearables/openwearables/server"
)

// TestIdleConnectionsEndInTheirTime checks that a connection which has served a request stays open
// between two requests as long as the setting says, over HTTP/1.1 and HTTP/2, and then ends.
func TestIdleConnectionsEndInTheirTime(t *testing.T) {
	t.Parallel()
	const idle = 2 * time.Second
	n := listen(t, func(c *server.Config) { c.Connections.Idle = idle })
	wantEnd := func(protocol string, since time.Time) {
		t.Helper()
		if open := time.Since(since); open < idle-100*time.Millisecond || open > idle+10*time.Second {
			t.Errorf("%s: an idle connection stays open for %v", protocol, open)
		}
	}

	t.Run("HTTP/1.1", func(t *testing.T) {
		t.Parallel()
		conn := n.dial(t)
		answers := bufio.NewReader(conn)
		var last time.Time
		for range 2 {
			if _, err := io.WriteString(conn, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			res, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatal(err)
			}
			last = time.Now()
			time.Sleep(idle / 2)
		}
		if _, err := answers.ReadByte(); !errors.Is(err, io.EOF) {
			t.Fatalf("an idle connection ends with %v", err)
		}
		wantEnd("HTTP/1.1", last)
	})
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		f, _ := n.dialFrames(t)
		var last time.Time
		for i := range uint32(2) {
			last = time.Now()
			err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: f.encodeGET(t), EndHeaders: true, EndStream: true})
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(idle / 2)
		}
		if err := <-f.ended; !errors.Is(err, errGoAway) {
			t.Fatalf("an idle connection ends with %v", err)
		}
		wantEnd("HTTP/2", last)
	})
}
