package front

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/problem"
	"github.com/openwearables/openwearables/server/call"
)

// receiver is a server that receives uploads and answers with the reason of a
// refusal, "slow", "cut off", or the number of bytes. While hold is locked it keeps
// what it has received. The header Caller names the caller.
type receiver struct {
	*httptest.Server
	uploads   *uploads
	hold      sync.RWMutex
	turns     atomic.Int32  // that uploads have
	noTurn    atomic.Bool   // none is given
	answering atomic.Int32  // turns once the last answer began
	entered   chan struct{} // one for each body that was received whole
}

func newReceiver(t *testing.T, memory int64, perCaller int) *receiver {
	t.Helper()
	s := &receiver{entered: make(chan struct{}, 1000)}
	s.uploads = newUploads(memory, perCaller, 30*time.Second, func(context.Context) (leave func(), err error) {
		if s.noTurn.Load() {
			return nil, problem.UnavailableError(errors.New("no turn"))
		}
		s.turns.Add(1)
		return sync.OnceFunc(func() { s.turns.Add(-1) }), nil
	})
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(s.receive))
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

func (s *receiver) receive(w http.ResponseWriter, r *http.Request) {
	c, r := call.New(w, r, time.Now, func(ctx context.Context) context.Context { return ctx })
	body := s.uploads.open(c, r)
	defer body.release()
	body.caller, c.Answering = r.Header.Get("Caller"), body.endTurn
	body.streams = r.Header.Get("Streams") != ""
	n, err := io.Copy(io.Discard, body)
	if refused := (*problem.Error)(nil); errors.As(err, &refused) {
		fmt.Fprint(c, refused.Reason)
		return
	}
	if err != nil {
		fmt.Fprint(w, problem.AsError(bodyError(r, err)).Detail)
		return
	}
	s.entered <- struct{}{}
	s.hold.RLock()
	defer s.hold.RUnlock()
	fmt.Fprint(c, n)
	s.answering.Store(s.turns.Load())
}

// wantEntered waits until another body was received whole.
func (s *receiver) wantEntered(t *testing.T) {
	t.Helper()
	select {
	case <-s.entered:
	case <-time.After(20 * time.Second):
		t.Fatal("no body was received whole")
	}
}

// wantBytes waits until so many bytes are held.
func (s *receiver) wantBytes(t *testing.T, want int64) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); s.uploads.bytes() != want; time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("%d bytes are held, want %d", s.uploads.bytes(), want)
		}
	}
}

// post sends a body of n bytes and returns the answer. Without a declared length it is
// sent in chunks.
func (s *receiver) post(client *http.Client, caller string, n int, declared bool) string {
	r, err := http.NewRequest("POST", s.URL, strings.NewReader(strings.Repeat(" ", n)))
	if err != nil {
		return err.Error()
	}
	r.Header.Set("Caller", caller)
	if !declared {
		r.ContentLength, r.Body = -1, io.NopCloser(r.Body)
	}
	res, err := client.Do(r)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return string(answer)
}

// clients are of HTTP/1 and of HTTP/2.
func clients(t *testing.T) map[string]*http.Client {
	t.Helper()
	two := &http.Transport{Protocols: new(http.Protocols)}
	two.Protocols.SetUnencryptedHTTP2(true)
	one := &http.Transport{}
	t.Cleanup(one.CloseIdleConnections)
	t.Cleanup(two.CloseIdleConnections)
	return map[string]*http.Client{
		"HTTP/1": {Transport: one, Timeout: time.Minute}, "HTTP/2": {Transport: two, Timeout: time.Minute},
	}
}

// Small bodies are no uploads; of larger ones a caller has its number and all together
// have their memory, with and without a declared length, until they are served.
func TestUploadsHaveTheirRoom(t *testing.T) {
	const size = 1 << 20
	for protocol, client := range clients(t) {
		for _, declared := range []bool{true, false} {
			t.Run(fmt.Sprint(protocol, ", declared: ", declared), func(t *testing.T) {
				s := newReceiver(t, 3*size+2*uploadStep, 2)
				s.hold.Lock()
				letGo := sync.OnceFunc(s.hold.Unlock)
				t.Cleanup(letGo)
				answers := make(chan string, 3)
				for _, caller := range []string{"a", "a", "b"} {
					go func() { answers <- s.post(client, caller, size-1, declared) }()
					s.wantEntered(t)
				}
				held := s.uploads.bytes()
				if held < 3*(size-1) || held > 3*size {
					t.Errorf("%d bytes are held for three bodies of %d", held, size-1)
				}
				for _, caller := range []string{"a", "b", "c"} {
					if got := s.post(client, caller, size-1, declared); got != "too_many_uploads" {
						t.Errorf("one more of %s is answered %q", caller, got)
					}
				}
				s.wantBytes(t, held)
				letGo()
				for range cap(answers) {
					if got := <-answers; got != fmt.Sprint(size-1) {
						t.Errorf("an upload is answered %q", got)
					}
				}
				s.wantBytes(t, 0)
				for _, n := range []int{0, maxBody - 1, maxBody + 1, 2 * size} {
					if got := s.post(client, "a", n, declared); got != fmt.Sprint(n) {
						t.Errorf("%d bytes are answered %q", n, got)
					}
				}
				s.wantBytes(t, 0)
				if len(s.uploads.callers) != 0 {
					t.Errorf("callers are kept: %v", s.uploads.callers)
				}
			})
		}
	}
}

// More uploads at once than there is room for never hold more than it, and some of them
// come through.
func TestUploadsNeverHoldMore(t *testing.T) {
	const size, memory = 1 << 20, 4 << 20
	for protocol, client := range clients(t) {
		s := newReceiver(t, memory, 2)
		stop, most := make(chan struct{}), make(chan int64)
		go func() {
			seen := int64(0)
			for {
				select {
				case <-stop:
					most <- seen
					return
				default:
					seen = max(seen, s.uploads.bytes())
					time.Sleep(100 * time.Microsecond)
				}
			}
		}()
		answers := make(chan string, 100)
		for i := range cap(answers) {
			go func() { answers <- s.post(client, fmt.Sprint(i/2), size, i%2 == 0) }()
		}
		whole := 0
		for range cap(answers) {
			switch got := <-answers; {
			case got == fmt.Sprint(size):
				whole++
			case got != "too_many_uploads" && !isReset(got):
				t.Errorf("%s: an upload is answered %q", protocol, got)
			}
		}
		close(stop)
		if seen := <-most; seen > memory || whole < 1 {
			t.Errorf("%s: %d bytes were held, and %d uploads came through", protocol, seen, whole)
		}
		s.wantBytes(t, 0)
	}
}

// isReset reports whether the client saw the end of a connection that the server closed
// while it still sent.
func isReset(err string) bool {
	return strings.Contains(err, "reset") || strings.Contains(err, "broken pipe") || strings.Contains(err, "closed")
}

// An upload whose client hangs up or stops sending holds nothing any more, and one that
// is only announced never does.
func TestUploadsOfTheGoneAndTheSlow(t *testing.T) {
	s := newReceiver(t, 8<<20, 4)
	s.uploads.stepTime = 300 * time.Millisecond
	send := func(sent int) net.Conn {
		t.Helper()
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		const header = "POST / HTTP/1.1\r\nHost: x\r\nCaller: a\r\nContent-Length: 4194304\r\n\r\n"
		if _, err := io.WriteString(conn, header+strings.Repeat(" ", sent)); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	announced := send(0)
	s.wantBytes(t, uploadStep)
	gone := send(2*uploadStep + 1)
	s.wantBytes(t, 4*uploadStep)
	gone.Close()
	s.wantBytes(t, uploadStep)
	announced.Close()
	s.wantBytes(t, 0)

	slow := send(2*uploadStep + 1)
	s.wantBytes(t, 3*uploadStep)
	answer, err := io.ReadAll(slow)
	if err != nil || !strings.Contains(string(answer), "The body arrived too slowly") {
		t.Errorf("the slow upload is answered %q, %v", answer, err)
	}
	s.wantBytes(t, 0)
}

// A body of the largest size that is no upload is none, also if it does not declare its
// length.
func TestBodyOfTheLargestUncountedSizeIsNoUpload(t *testing.T) {
	s := newReceiver(t, 8<<20, 1)
	s.uploads.callers["a"] = 1 // another upload of the caller
	client := &http.Client{Timeout: 20 * time.Second}
	if got := s.post(client, "a", maxBody, false); got != fmt.Sprint(maxBody) {
		t.Errorf("%d bytes are answered %q", maxBody, got)
	}
	if got := s.post(client, "a", maxBody+1, false); got != "too_many_uploads" && !isReset(got) {
		t.Errorf("%d bytes are answered %q", maxBody+1, got)
	}
}

// An upload that has arrived has a turn of work until it is answered, and is refused
// without one. A body that is no upload needs none.
func TestUploadsTakeTheirTurn(t *testing.T) {
	for protocol, client := range clients(t) {
		for _, declared := range []bool{true, false} {
			s := newReceiver(t, 4<<20, 2)
			for n, want := range map[int]int32{maxBody: 0, maxBody + 1: 1} {
				s.hold.Lock()
				answer := make(chan string, 1)
				go func() { answer <- s.post(client, "a", n, declared) }()
				s.wantEntered(t)
				if got := s.turns.Load(); got != want {
					t.Errorf("%s: a body of %d bytes has %d turns, want %d", protocol, n, got, want)
				}
				s.hold.Unlock()
				<-answer
				if got := s.answering.Load(); got != 0 {
					t.Errorf("%s: a body of %d bytes has %d turns while it is answered", protocol, n, got)
				}
			}
			s.wantBytes(t, 0)
			if got := s.turns.Load(); got != 0 {
				t.Errorf("%s: %d turns have not ended", protocol, got)
			}
			s.noTurn.Store(true)
			if got := s.post(client, "a", maxBody, declared); got != fmt.Sprint(maxBody) {
				t.Errorf("%s: a body that is no upload is answered %q", protocol, got)
			}
			if got := s.post(client, "a", maxBody+1, declared); got != "unavailable" {
				t.Errorf("%s: an upload without a turn is answered %q", protocol, got)
			}
		}
	}
}

// An upload that is read as it arrives is answered however long it took.
func TestLongUploadsAreAnswered(t *testing.T) {
	t.Parallel()
	s := newReceiver(t, 8<<20, 1)
	s.Config.WriteTimeout = 100 * time.Millisecond // from the header of the request
	read, write := io.Pipe()
	go func() {
		_, _ = io.WriteString(write, strings.Repeat(" ", 200<<10))
		time.Sleep(400 * time.Millisecond)
		_ = write.Close()
	}()
	r, err := http.NewRequest("POST", s.URL, read)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Streams", "yes")
	res, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if answer, err := io.ReadAll(res.Body); string(answer) != "204800" {
		t.Errorf("the answer is %q, %v", answer, err)
	}
}
