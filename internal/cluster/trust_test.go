package cluster_test

import (
	"io"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/redistest"
)

// A forwarder leads to one Redis, and then to another.
type forwarder struct {
	listener net.Listener

	mu    sync.Mutex
	to    string
	conns []net.Conn
}

func newForwarder(t *testing.T, to string) *forwarder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{listener: l, to: to}
	go f.serve()
	t.Cleanup(func() {
		_ = l.Close()
		f.lead("")
	})
	return f
}

func (f *forwarder) serve() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		out, err := net.Dial("tcp", f.to)
		if err != nil {
			_ = in.Close()
		} else {
			f.conns = append(f.conns, in, out)
			go pipe(in, out)
			go pipe(out, in)
		}
		f.mu.Unlock()
	}
}

func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	_ = to.Close()
}

// lead cuts all connections; later ones lead there.
func (f *forwarder) lead(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = to
	for _, c := range f.conns {
		_ = c.Close()
	}
	f.conns = nil
}

// distrusted reports whether the node neither relies on versions nor tells of ends
// without waiting.
func distrusted(t *testing.T, r *cluster.Redis) bool {
	first, second := version(t, r, "key:1"), version(t, r, "key:1")
	return first != second && r.Bump(t.Context(), []string{"key:2"}) != nil
}

func awaitTrust(t *testing.T, r *cluster.Redis) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); r.Bump(t.Context(), []string{"key:2"}) != nil; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the node never trusts its Redis")
		}
	}
}

// A failover that takes one node to a new master, while another stays with the old
// one, costs that node its trust in versions before its first request there.
func TestFailoverThatLeavesTheOldMasterIsNotTrusted(t *testing.T) {
	t.Parallel()
	former, latter := redistest.Start(t), redistest.Start(t)
	moves := newForwarder(t, former.Addr())
	registry := openRegistry(t)
	a := open(t, cluster.Config{URL: "redis://" + moves.listener.Addr().String(), Installation: "one", Nodes: join(t, registry, "a")})
	stays := join(t, registry, "b")
	b := open(t, cluster.Config{URL: former.URL(), Installation: "one", Nodes: stays})
	awaitTrust(t, a)
	awaitTrust(t, b)
	steady(t, a, "key:1")

	// The new master is a replica of the old one until then: it knows both nodes.
	host, port, _ := net.SplitHostPort(former.Addr())
	latter.Do("REPLICAOF", host, port)
	for end := time.Now().Add(10 * time.Second); latter.Do("EXISTS", "openwearables:one:nodes") != "1"; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the replica does not follow")
		}
	}
	latter.Do("REPLICAOF", "NO", "ONE")
	moves.lead(latter.Addr())
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if !distrusted(t, a) {
			t.Fatal("the node that moved trusts the new master while another node is on the old one")
		}
	}
	for end := time.Now().Add(25 * time.Second); !stays.Split(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the node that stayed does not notice")
		}
	}
	moves.lead(former.Addr())
	awaitTrust(t, a)
	awaitTrust(t, b)
	if stays.Split() {
		t.Error("it still counts as split")
	}
}

// While nodes of a release that knows nothing of installations are on the Redis,
// which use other keys there, no version is trusted.
func TestNodesOfAnEarlierReleaseAreNotTrusted(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	known := join(t, openRegistry(t), "new")
	beat := func() { s.Do("ZADD", "openwearables:nodes", strconv.FormatInt(time.Now().Unix(), 10), "old") }
	beat()
	r := open(t, cluster.Config{URL: s.URL(), Installation: "one", Nodes: known})
	for range 5 {
		beat()
		if !distrusted(t, r) {
			t.Error("the new node trusts versions that the old one does not bump")
		}
		time.Sleep(300 * time.Millisecond)
	}
	awaitTrust(t, r) // the old one is gone
}
