package scenario_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// onePacketTransport collects requests until it has size of them, then sends them over one new
// HTTP/2 connection. It sends all but the last byte of each body, waits until the server has read
// that, and then writes all last bytes at once. So all requests become complete at the same moment.
type onePacketTransport struct {
	size int

	mu      sync.Mutex
	waiting []*packetStream
}

// packetStream is a request and, once done is closed, its answer.
type packetStream struct {
	request *http.Request
	body    []byte
	answer  *http.Response
	content bytes.Buffer
	err     error
	done    chan struct{}
}

func (p *onePacketTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s := &packetStream{request: r, body: body, done: make(chan struct{})}
	p.mu.Lock()
	p.waiting = append(p.waiting, s)
	if len(p.waiting) == p.size {
		go sendAtOnce(r.URL, p.waiting)
		p.waiting = nil
	}
	p.mu.Unlock()
	<-s.done
	if s.err != nil {
		return nil, s.err
	}
	s.answer.Body = io.NopCloser(&s.content)
	return s.answer, nil
}

func sendAtOnce(to *url.URL, streams []*packetStream) {
	err := exchangeAtOnce(to, streams)
	for _, s := range streams {
		if s.err == nil && (err != nil || s.answer == nil) {
			s.err = errors.Join(err, errors.New("the connection ended before the answer"))
		}
		close(s.done)
	}
}

// exchangeAtOnce sends the requests of all streams over one connection and reads their answers.
func exchangeAtOnce(to *url.URL, streams []*packetStream) error {
	conn, err := net.Dial("tcp", to.Host)
	if err != nil {
		return err
	}
	defer conn.Close()
	var out bytes.Buffer
	frames := http2.NewFramer(&out, bufio.NewReader(conn))
	frames.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	flush := func() error {
		_, err := out.WriteTo(conn)
		return err
	}
	out.WriteString(http2.ClientPreface)
	err = errors.Join(frames.WriteSettings(), frames.WriteWindowUpdate(0, 1<<30))
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for i, s := range streams {
		block.Reset()
		writeRequestHeader(encoder, to, s.request)
		err = errors.Join(err,
			frames.WriteHeaders(http2.HeadersFrameParam{StreamID: streamID(i), BlockFragment: block.Bytes(), EndHeaders: true}),
			frames.WriteData(streamID(i), false, s.body[:len(s.body)-1]))
	}
	err = errors.Join(err, frames.WritePing(false, [8]byte{1}), flush())
	for read := false; err == nil && !read; {
		var f http2.Frame
		if f, err = frames.ReadFrame(); err == nil {
			ping, ok := f.(*http2.PingFrame)
			read = ok && ping.IsAck()
		}
	}
	for i, s := range streams {
		err = errors.Join(err, frames.WriteData(streamID(i), true, s.body[len(s.body)-1:]))
	}
	if err = errors.Join(err, flush()); err != nil {
		return err
	}
	return readAnswers(frames, streams)
}

func streamID(i int) uint32 { return uint32(2*i + 1) }

func writeRequestHeader(e *hpack.Encoder, to *url.URL, r *http.Request) {
	write := func(name, value string) { _ = e.WriteField(hpack.HeaderField{Name: name, Value: value}) } // cannot fail: writes to memory
	write(":method", r.Method)
	write(":scheme", "http")
	write(":authority", to.Host)
	write(":path", r.URL.RequestURI())
	for name, values := range r.Header {
		for _, v := range values {
			write(strings.ToLower(name), v)
		}
	}
}

func readAnswers(frames *http2.Framer, streams []*packetStream) error {
	for left := len(streams); left > 0; {
		f, err := frames.ReadFrame()
		if err != nil {
			return err
		}
		id := f.Header().StreamID
		if id == 0 {
			continue
		}
		s := streams[(id-1)/2]
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			s.answer = &http.Response{Request: s.request, Header: make(http.Header)}
			for _, field := range f.Fields {
				if field.Name == ":status" {
					_, err = fmt.Sscan(field.Value, &s.answer.StatusCode)
				} else {
					s.answer.Header.Add(field.Name, field.Value)
				}
			}
		case *http2.DataFrame:
			s.content.Write(f.Data())
		case *http2.RSTStreamFrame:
			err = errors.New("the server reset a stream")
		}
		if err != nil {
			return err
		}
		if f.Header().Flags.Has(http2.FlagDataEndStream) && (f.Header().Type == http2.FrameData || f.Header().Type == http2.FrameHeaders) {
			left--
		}
	}
	return nil
}

// inOnePacket calls f n times over one connection at the same moment and returns the answers.
func (c *clientSession) inOnePacket(t *testing.T, n int, f func(t *testing.T, d driver, i int) answer) []answer {
	t.Helper()
	var d driver
	switch over := c.d.(type) {
	case restDriver:
		d = restDriver{over.n.withTransport(t, &onePacketTransport{size: n})}
	case rpcDriver:
		d = rpcDriver{over.n.withTransport(t, &onePacketTransport{size: n}), over.media}
	}
	answers := make([]answer, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { answers[i] = f(t, d, i) })
	}
	group.Wait()
	return answers
}

// withTransport returns the node with another HTTP transport.
func (n *node) withTransport(t *testing.T, transport http.RoundTripper) *node {
	other := *n
	other.http = &http.Client{Transport: contractTransport{t, transport}}
	return &other
}

// TestRefreshHasOneWinner presents one refresh token from 64 clients at the same moment: without
// retry keys, with a shared key, and with a key each.
func TestRefreshHasOneWinner(t *testing.T) {
	t.Parallel()
	const contenders, tokens = 64, 2
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		contend := func(t *testing.T, c *clientSession, key func(i int) string) map[string][]answer {
			byReason := make(map[string][]answer)
			for _, a := range c.inOnePacket(t, contenders, func(t *testing.T, d driver, i int) answer {
				return (&clientSession{d: d}).present(t, c.current(), key(i))
			}) {
				byReason[a.Reason] = append(byReason[a.Reason], a)
			}
			return byReason
		}
		for range tokens * *effort {
			t.Run("without a key", func(t *testing.T) {
				c := m.open(t)
				got := contend(t, c, func(int) string { return "" })
				wantCounts(t, got, map[string]int{"": 1, "refresh_token_used": contenders - 1})
				c.record(got[""][0])
				c.wantAccepted(t)
				c.rotate(t, "")
				c.wantAccepted(t)
			})
			t.Run("one shared key", func(t *testing.T) {
				c := m.open(t)
				got := contend(t, c, func(int) string { return "shared" })
				wantCounts(t, got, map[string]int{"": contenders})
				replayed := 0
				for _, a := range got[""] {
					if a.str("refresh_token") != got[""][0].str("refresh_token") {
						t.Fatal("two successors of one token")
					}
					if a.Header.Get("Idempotent-Replayed") == "true" {
						replayed++
					}
					c.access = append(c.access, a.str("access_token"))
				}
				if replayed != contenders-1 {
					t.Errorf("%d of %d answers say that they are replays", replayed, contenders)
				}
				c.refresh = append(c.refresh, got[""][0].str("refresh_token"))
				c.wantAccepted(t)
				c.rotate(t, "")
			})
			t.Run("a key each", func(t *testing.T) {
				c := m.open(t)
				got := contend(t, c, func(i int) string { return fmt.Sprint("key-", i) })
				wantCounts(t, got, map[string]int{"": 1, "refresh_token_reused": 1, "invalid_refresh_token": contenders - 2})
				c.record(got[""][0])
				c.wantEnded(t)
			})
		}
	})
}

// record adds the pair of an answer to the session.
func (c *clientSession) record(a answer) {
	c.refresh, c.access = append(c.refresh, a.str("refresh_token")), append(c.access, a.str("access_token"))
}

// wantCounts fails the test unless each reason has the wanted number of answers.
func wantCounts(t *testing.T, got map[string][]answer, want map[string]int) {
	t.Helper()
	all := make(map[string]int)
	for reason, answers := range got {
		all[reason] = len(answers)
	}
	if fmt.Sprint(all) != fmt.Sprint(want) {
		t.Fatalf("answers by reason: %v, want %v", all, want)
	}
}

// TestNoTokenOutlivesAnEnd refreshes, replays, uses and mints tokens of a session while a call ends
// it. Once that call has answered, every token of the session is invalid.
func TestNoTokenOutlivesAnEnd(t *testing.T) {
	t.Parallel()
	rounds := 12 * *effort
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		admin := m.openDeveloper(t)
		as := bearer(admin.access[0])
		for name, end := range map[string]struct {
			rounds int
			open   func(*testing.T) mintedSession
			call   func(*testing.T, mintedSession) answer
		}{
			"RevokeToken": {rounds, m.openByKey, func(t *testing.T, c mintedSession) answer {
				return m.d.call(t, "RevokeToken", args{"refresh_token": c.refresh[0]}).want(t, 204, "")
			}},
			"RevokeUserTokens": {rounds, m.openByKey, func(t *testing.T, c mintedSession) answer {
				return m.d.call(t, "RevokeUserTokens", args{"user_id": c.user}, bearer(m.key)).want(t, 204, "")
			}},
			"DeleteUser": {rounds, m.openByKey, func(t *testing.T, c mintedSession) answer {
				return m.d.call(t, "DeleteUser", args{"id": c.user}, bearer(m.key)).want(t, 200, "")
			}},
			"DeleteKey": {rounds, func(t *testing.T) mintedSession {
				id, key := m.n.newKey(t, m.d, admin.access[0], args{})
				return sessionFactory{m.n, m.d, key, m.clock}.openByKey(t).mintedBy(id)
			}, func(t *testing.T, c mintedSession) answer {
				return m.d.call(t, "DeleteKey", args{"id": c.minter}, as).want(t, 200, "")
			}},
			"DeleteApplication": {rounds, func(t *testing.T) mintedSession {
				id, secret := m.n.newApp(t, m.d, admin.access[0])
				in := args{"user_id": m.newUser(t), "app_id": id, "app_secret": secret}
				mint := func(t *testing.T) answer { return m.d.call(t, "CreateUserToken", in) }
				c := &clientSession{d: m.d, user: in["user_id"].(string)}
				c.record(mint(t).want(t, 200, ""))
				return mintedSession{c, id, mint}
			}, func(t *testing.T, c mintedSession) answer {
				return m.d.call(t, "DeleteApplication", args{"app_id": c.minter}, as).want(t, 204, "")
			}},
			"Logout of the minter": {rounds / 2, m.openByDeveloper, func(t *testing.T, c mintedSession) answer {
				return m.d.call(t, "Logout", nil, bearer(c.minter)).want(t, 200, "")
			}},
			"Logout": {rounds / 4, func(t *testing.T) mintedSession { return mintedSession{m.openDeveloper(t), "", nil} }, func(t *testing.T, c mintedSession) answer {
				a := m.d.call(t, "Logout", nil, bearer(c.access[0]))
				if a.Status == 200 {
					return a
				}
				return a.want(t, 401, "invalid_token") // which raceEnd accepts if a refresh has ended the session
			}},
		} {
			t.Run(name, func(t *testing.T) {
				for i := range end.rounds {
					c := end.open(t)
					minted := m.raceEnd(t, c, i%4, end.call)
					endsMinter := strings.HasPrefix(name, "Delete") || name == "Logout of the minter"
					if endsMinter && minted.Status == 200 { // after another end, it is an independent session
						late := &clientSession{d: m.d, user: c.user}
						late.record(minted)
						late.wantEnded(t)
					}
				}
			})
		}
	})
}

// raceEnd runs end while clients use the session, after they got the given number of answers. It
// returns the answer to a mint that runs at the same time.
func (m sessionFactory) raceEnd(t *testing.T, c mintedSession, answers int, end func(*testing.T, mintedSession) answer) (minted answer) {
	t.Helper()
	var group sync.WaitGroup
	var mu sync.Mutex
	got := &clientSession{d: c.d, user: c.user}
	answered := make(chan struct{}, 16)
	var reused atomic.Bool // the second client came two rotations late, which ends the session
	refresh := func(token string) (next string, ok bool) {
		a := c.present(t, token, "shared")
		if a.Reason == "refresh_token_reused" {
			reused.Store(true)
		}
		if ok = a.Status == 200; ok {
			mu.Lock()
			got.record(a)
			mu.Unlock()
			c.use(t, a.str("access_token"))
			answered <- struct{}{}
		}
		return a.str("refresh_token"), ok
	}
	group.Go(func() {
		for token, ok, rotations := c.current(), true, 0; ok && rotations < 4; rotations++ {
			token, ok = refresh(token)
		}
	})
	group.Go(func() { refresh(c.current()) }) // a second client
	group.Go(func() {
		for range 4 {
			c.use(t, c.access[0])
		}
	})
	if c.mint != nil {
		group.Go(func() { minted = c.mint(t) })
	}
	all := make(chan struct{})
	go func() {
		group.Wait()
		close(all)
	}()
	defer func() { <-all }() // an end that fails the test leaves no client behind
	for range answers {
		select {
		case <-answered:
		case <-all:
		}
	}
	ended := end(t, c)
	<-all
	if ended.Status == http.StatusUnauthorized && !reused.Load() {
		t.Error("the end is refused, and no refresh has ended the session before")
	}
	got.refresh, got.access = append(got.refresh, c.refresh...), append(got.access, c.access...)
	got.wantEnded(t)
	return minted
}
