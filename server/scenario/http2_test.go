package scenario_test

import (
	"bytes"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// frameConn is a cleartext HTTP/2 connection on which a test writes frames itself.
type frameConn struct {
	*http2.Framer
	conn net.Conn
	text bytes.Buffer
	*hpack.Encoder
	ended chan error // why reading ended: GOAWAY, or the end of the connection
}

var errGoAway = errors.New("GOAWAY")

// dialFrames opens a connection and returns it with the server's settings.
func (n *node) dialFrames(t *testing.T) (*frameConn, map[http2.SettingID]uint32) {
	t.Helper()
	f := &frameConn{conn: n.dial(t), ended: make(chan error, 1)}
	f.Framer = http2.NewFramer(f.conn, f.conn)
	f.Encoder = hpack.NewEncoder(&f.text)
	if _, err := io.WriteString(f.conn, http2.ClientPreface); err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettings(); err != nil {
		t.Fatal(err)
	}
	first, err := f.ReadFrame()
	if err != nil {
		t.Fatal(err)
	}
	settings := make(map[http2.SettingID]uint32)
	err = first.(*http2.SettingsFrame).ForeachSetting(func(s http2.Setting) error {
		settings[s.ID] = s.Val
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := f.WriteSettingsAck(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			frame, err := f.ReadFrame()
			if _, ok := frame.(*http2.GoAwayFrame); ok {
				err = errGoAway
			}
			if err != nil {
				f.ended <- err
				return
			}
		}
	}()
	return f, settings
}

// encodeGET returns the header block of a GET.
func (f *frameConn) encodeGET(t *testing.T) []byte {
	t.Helper()
	f.text.Reset()
	for _, field := range [][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "x"}, {":path", "/readyz"}} {
		if err := f.WriteField(hpack.HeaderField{Name: field[0], Value: field[1]}); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Clone(f.text.Bytes())
}

// liveHeap returns the size of the heap in bytes after a collection.
func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestRapidResetHurtsNobodyElse opens and resets 10,000 streams as fast as possible. The server may
// close the connection; it must go on serving others and must not grow.
func TestRapidResetHurtsNobodyElse(t *testing.T) {
	n := listen(t)
	f, settings := n.dialFrames(t)
	if most := settings[http2.SettingMaxConcurrentStreams]; most == 0 || most > 100 {
		t.Errorf("%d streams at once are allowed", most)
	}
	before := liveHeap()
	var failed error
	for i := uint32(0); i < 10_000 && failed == nil; i++ {
		failed = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: f.encodeGET(t), EndHeaders: true, EndStream: true})
		if failed == nil {
			failed = f.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
		}
	}
	n.wantHealthy(t)
	if grown := int64(liveHeap()) - int64(before); grown > 20<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	select {
	case err := <-f.ended:
		t.Logf("the connection ended: %v", err)
	default:
		if failed != nil {
			t.Errorf("the connection broke without a GOAWAY: %v", failed)
		}
	}
}

// TestEndlessHeadersEndTheConnection checks that a header block without end is cut off before it
// costs more memory than a header may.
func TestEndlessHeadersEndTheConnection(t *testing.T) {
	n := listen(t)
	f, _ := n.dialFrames(t)
	before := liveHeap()
	failed := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.encodeGET(t), EndStream: true})
	f.text.Reset()
	if err := f.WriteField(hpack.HeaderField{Name: "x-a", Value: string(bytes.Repeat([]byte("ü"), 4<<10)), Sensitive: true}); err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; sent < 64<<20 && failed == nil; sent += f.text.Len() {
		failed = f.WriteContinuation(1, false, f.text.Bytes())
	}
	if sent >= 64<<20 {
		t.Error("64 MiB of header were accepted")
	}
	if err := <-f.ended; err == nil {
		t.Error("the connection is still open")
	}
	n.wantHealthy(t)
	if grown := int64(liveHeap()) - int64(before); grown > 20<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
}
