package scenario_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/auth"
	"github.com/openwearables/openwearables/internal/credential"
)

// awhile lets others work between two looks at what they do.
func awhile() { time.Sleep(25 * time.Millisecond) }

// contextOf returns a context that ends with the test.
func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx, cancel
}

// within fails the test if c is not closed in time.
func within(t *testing.T, otherwise string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(30 * time.Second):
		t.Fatal(otherwise)
	}
}

// stream is an open stream of events.
type stream struct {
	status int
	reason string
	lines  chan string // is closed at its end
	leave  context.CancelFunc
}

// follow opens the stream of a user.
func (g *gatewayNode) follow(t *testing.T, user, token string) stream {
	t.Helper()
	ctx, leave := contextOf(t)
	r := newRequest(t, "GET", g.address("/users/"+user+"/sync/stream?replay=20"), nil).WithContext(ctx)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Last-Event-ID", "7")
	answer, err := g.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != 200 {
		defer answer.Body.Close()
		reason := make([]byte, 400)
		n, _ := answer.Body.Read(reason)
		return stream{status: answer.StatusCode, reason: string(reason[:n]), leave: leave}
	}
	if got := answer.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the stream has %v", answer.Header)
	}
	s := stream{status: 200, lines: make(chan string, 100), leave: leave}
	go func() {
		defer close(s.lines)
		defer answer.Body.Close()
		for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
			select {
			case s.lines <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return s
}

// await returns the next line of data.
func (s stream) await(t *testing.T) string {
	t.Helper()
	for {
		select {
		case line, more := <-s.lines:
			if !more {
				t.Fatal("the stream has ended")
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				return data
			}
		case <-time.After(30 * time.Second):
			t.Fatal("nothing comes")
		}
	}
}

// ended fails the test unless the stream comes to its end, without data before.
func (s stream) ended(t *testing.T) {
	t.Helper()
	for {
		select {
		case line, more := <-s.lines:
			if !more {
				return
			}
			if strings.HasPrefix(line, "data: ") {
				t.Errorf("the stream still says %s", line)
			}
		case <-time.After(30 * time.Second):
			t.Fatal("the stream has no end")
		}
	}
}

// awaitStreams waits until the upstream has so many.
func (g *gatewayNode) awaitStreams(t *testing.T, want int) {
	t.Helper()
	for {
		n, changed := g.upstream.Streams()
		if n == want {
			return
		}
		within(t, "the upstream keeps other streams", changed)
	}
}

// Events come as they happen, and a stream ends for the upstream when its client leaves.
func TestGatewayStreamsEvents(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	s := g.follow(t, g.user, g.own)
	if first := s.await(t); !strings.Contains(first, g.user) {
		t.Errorf("the stream begins with %s", first)
	}
	sent := g.last(t)
	if sent.URI != "/api/v1/users/"+g.user+"/sync/stream?replay=20" || sent.Header.Get("Last-Event-ID") != "7" || sent.Header.Get("Accept") != "text/event-stream" {
		t.Errorf("the upstream is asked for %s with %v", sent.URI, sent.Header)
	}
	for _, event := range []string{"one", "two"} {
		g.upstream.Publish(g.user, event)
		if got := s.await(t); got != event {
			t.Errorf("%q comes, want %q", got, event)
		}
	}
	g.upstream.Publish(g.other, "three")
	s.leave()
	g.awaitStreams(t, 0)
	if f := g.follow(t, g.other, g.own); f.status != 403 {
		t.Errorf("another's stream is %d", f.status)
	}
}

// A credential has four streams, and all have thirty: each holds a connection of the
// upstream to its database. One that ends makes room.
func TestGatewayBoundsStreams(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	d := g.drivers()[0]
	var open []stream
	for range 4 {
		open = append(open, g.follow(t, g.user, g.own))
	}
	if s := g.follow(t, g.user, g.own); s.status != 503 || !strings.Contains(s.reason, "too_many_streams") {
		t.Errorf("a fifth stream is %d %s", s.status, s.reason)
	}
	open[0].leave()
	g.awaitStreams(t, 3)
	for i := 0; ; i++ {
		if s := g.follow(t, g.user, g.own); s.status == 200 {
			break
		}
		if i > 400 {
			t.Fatal("a stream that has ended keeps its place")
		}
		awhile()
	}
	for len(open) < 30 {
		_, key := g.newKey(t, d, g.dev, nil)
		for i := 0; i < 4 && len(open) < 30; i++ {
			s := g.follow(t, g.user, key)
			if s.status != 200 {
				t.Fatalf("stream %d is %d %s", len(open)+1, s.status, s.reason)
			}
			open = append(open, s)
		}
	}
	if s := g.follow(t, g.other, g.otherToken); s.status != 503 || !strings.Contains(s.reason, "too_many_streams") {
		t.Errorf("one stream too many is %d %s", s.status, s.reason)
	}
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 200, "")
}

// A stream ends with what let it be opened: the session, the key, its scope, the user.
func TestGatewayEndsStreamsWithTheirCredential(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	d := g.drivers()[0]
	keyID, key := g.newKey(t, d, g.dev, nil)
	otherID, otherKey := g.newKey(t, d, g.dev, nil)
	streams := map[string]stream{
		"session": g.follow(t, g.user, g.own), "key": g.follow(t, g.user, key), "scope": g.follow(t, g.user, otherKey),
		"logout": g.follow(t, g.user, g.dev), "user": g.follow(t, g.other, g.otherToken),
	}
	for name, s := range streams {
		if s.status != 200 {
			t.Fatalf("%s: %d", name, s.status)
		}
		s.await(t)
	}
	admin, _ := g.login(t, d)
	lasting := g.follow(t, g.user, admin)
	lasting.await(t)
	d.call(t, "RevokeUserTokens", args{"user_id": g.user}, bearer(admin)).want(t, 204, "")
	d.call(t, "DeleteKey", args{"id": keyID}, bearer(admin))
	d.call(t, "UpdateKey", args{"id": otherID, "scopes": []any{"users:read"}}, bearer(admin)).want(t, 200, "")
	d.call(t, "Logout", nil, bearer(g.dev)).want(t, 200, "")
	d.call(t, "DeleteUser", args{"id": g.other}, bearer(admin))
	for name, s := range streams {
		t.Run(name, func(t *testing.T) { s.ended(t) })
	}
	g.upstream.Publish(g.user, "still")
	if got := lasting.await(t); got != "still" {
		t.Errorf("%q comes", got)
	}
}

// A key that was imported keeps its streams, and they end with it.
func TestGatewayKeepsStreamsOfImportedKeys(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	raw := make([]byte, 16)
	rand.Read(raw)
	key := "sk-" + hex.EncodeToString(raw)
	batch := auth.ImportBatch{Kind: auth.ImportedKey, Keys: []auth.ImportKey{{
		SecretDigest: credential.ImportDigest(key), Prefix: key[:10], Name: "backend", CreatedAt: g.clock.now(),
	}}}
	imported, err := g.server.Auth().Imports.Import(t.Context(), batch)
	if err != nil || len(imported.IDs) != 1 {
		t.Fatal(imported, err)
	}
	s := g.follow(t, g.user, key)
	s.await(t)
	time.Sleep(2500 * time.Millisecond) // the credential is looked at each second
	g.upstream.Publish(g.user, "later")
	if got := s.await(t); got != "later" {
		t.Errorf("%q comes", got)
	}
	g.drivers()[0].call(t, "DeleteKey", args{"id": imported.IDs[0]}, bearer(g.dev))
	s.ended(t)
}

// An access token may end before the stream: its session goes on.
func TestGatewayStreamsOutliveAccessTokens(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	s := g.follow(t, g.user, g.own)
	s.await(t)
	g.clock.advance(2 * time.Hour)
	g.ask(t, "GET", "/users/"+g.user+"/timeseries", "", bearer(g.own)).want(t, 401, "token_expired")
	time.Sleep(2500 * time.Millisecond) // the credential is looked at each second
	g.upstream.Publish(g.user, "later")
	if got := s.await(t); got != "later" {
		t.Errorf("%q comes", got)
	}
}
