package scenario_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/dev/pgtest"
	"github.com/openwearables/openwearables/internal/dev/redistest"
	"github.com/openwearables/openwearables/server"
)

// link is a network between a node and PostgreSQL. It can be slow, and it can be cut. Safe for
// concurrent use.
type link struct {
	net.Listener
	delay atomic.Int64 // nanoseconds that each answer takes longer

	mu    sync.Mutex
	down  bool
	conns []net.Conn
}

// newLink returns a link to the shared server.
func newLink(t *testing.T) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, to := &link{Listener: listener}, pgtest.Shared(t).Socket()
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s, err := net.Dial("unix", to)
			if err != nil || !l.connect(c, s) {
				c.Close()
				continue
			}
			all.Go(func() { l.pass(s, c, false) })
			all.Go(func() { l.pass(c, s, true) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		l.cut()
		all.Wait()
	})
	return l
}

// connect keeps the connections, unless the link is cut.
func (l *link) connect(client, server net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.down {
		server.Close()
		return false
	}
	l.conns = append(l.conns, client, server)
	return true
}

func (l *link) pass(to, from net.Conn, answers bool) {
	defer to.Close()
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if answers {
			time.Sleep(time.Duration(l.delay.Load()))
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}

// cut ends every connection, those of later too.
func (l *link) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = true
	for _, c := range l.conns {
		c.Close()
	}
}

// through makes a node reach its database over the link.
func (l *link) through(t *testing.T) func(*server.Config) {
	return func(c *server.Config) {
		u, err := url.Parse(c.Database)
		if err != nil {
			t.Fatal(err)
		}
		u.Host, u.RawQuery = l.Addr().String(), "sslmode=disable"
		c.Database = u.String()
	}
}

// TestUnknownSigningKeyDuringAnOutage checks that a token whose key a node could not read is 503
// there, as is one of a known key, and so is the list of keys.
func TestUnknownSigningKeyDuringAnOutage(t *testing.T) {
	t.Parallel()
	l, shared := newLink(t), withRedis(redistest.Start(t))
	nodes := startCluster(t, 1, unlimited, shared)
	far := nodes[0].beside(t, unlimited, shared, l.through(t))
	d := nodes[0].drivers()[0]
	known := nodes[0].admin(t, d)
	_, rest, _ := strings.Cut(known, ".")
	madeUp := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"made-up","typ":"JWT"}`)) + "." + rest
	if status := far.statusOf(t, madeUp); status != http.StatusUnauthorized {
		t.Errorf("a token of a made-up key is %d", status)
	}
	l.cut()
	for range 2 { // the key after the next is one that the node has never seen
		if err := nodes[0].server.Auth().Signing.Rotate(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	unknown := nodes[0].admin(t, d)
	time.Sleep(200 * time.Millisecond) // for so long the last reading decides
	for range 5 {
		for what, token := range map[string]string{"known": known, "unknown": unknown} {
			for _, d := range far.drivers() {
				if a := d.call(t, "GetMe", nil, bearer(token)); a.Status != http.StatusServiceUnavailable {
					t.Errorf("%s: a token of a key that is %s is %d %s", d.name(), what, a.Status, a.Reason)
				}
			}
		}
	}
	time.Sleep(time.Second)
	if status := far.getStatus(t, "/.well-known/jwks.json"); status != http.StatusServiceUnavailable {
		t.Errorf("the list of keys is %d", status)
	}
}

// TestUnknownSigningKeysOnASlowDatabase checks that tokens of made-up keys, which need no
// credential, are answered within the time of one request however many there are.
func TestUnknownSigningKeysOnASlowDatabase(t *testing.T) {
	t.Parallel()
	l := newLink(t)
	shared := withRedis(redistest.Start(t))
	nodes := startCluster(t, 1, unlimited, shared)
	far := nodes[0].beside(t, unlimited, shared, l.through(t))
	_, rest, _ := strings.Cut(nodes[0].admin(t, nodes[0].drivers()[0]), ".")
	time.Sleep(time.Second)
	for _, delay := range []time.Duration{1100 * time.Millisecond, 3 * time.Second} {
		l.delay.Store(int64(delay))
		var longest atomic.Int64
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				head := fmt.Sprintf(`{"alg":"HS256","kid":"made-up-%d","typ":"JWT"}`, i)
				begun := time.Now()
				far.statusOf(t, base64.RawURLEncoding.EncodeToString([]byte(head))+"."+rest)
				for took := int64(time.Since(begun)); ; {
					if most := longest.Load(); took <= most || longest.CompareAndSwap(most, took) {
						break
					}
				}
			})
		}
		all.Wait()
		t.Logf("answers %v late: the last of 16 tokens of unknown keys took %v", delay, time.Duration(longest.Load()))
		if took := time.Duration(longest.Load()); took > 4*time.Second {
			t.Errorf("answers %v late: the last of 16 tokens of unknown keys took %v", delay, took)
		}
	}
	l.delay.Store(0)
	time.Sleep(3 * time.Second) // for so long a background job may wait for an answer that is late
}

// beside runs another node on the database.
func (n *node) beside(t *testing.T, change ...func(*server.Config)) *node {
	t.Helper()
	other := &node{
		t: t, clock: &clock{}, log: &logBuffer{}, email: n.email, password: n.password, dsn: n.dsn, secret: n.secret,
	}
	other.boot(t, change...)
	return other
}
