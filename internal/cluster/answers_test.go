package cluster_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/openwearables/openwearables/internal/cluster"
	"github.com/openwearables/openwearables/internal/dev/redistest"
)

// relay passes what clients and a server say. While armed, it puts an answer of its own
// before that of the server, once.
type relay struct {
	net.Listener
	armed atomic.Bool
}

func startRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{Listener: l}
	var passing sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		passing.Wait()
	})
	passing.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			passing.Go(func() { _, _ = io.Copy(server, client); _ = server.Close() })
			passing.Go(func() { r.answer(client, server); _ = client.Close() })
		}
	})
	return r
}

func (r *relay) answer(client, server net.Conn) {
	for some := make([]byte, 16<<10); ; {
		n, err := server.Read(some)
		if err != nil {
			return
		}
		if r.armed.Swap(false) {
			_, _ = io.WriteString(client, ":1\r\n")
		}
		if _, err := client.Write(some[:n]); err != nil {
			return
		}
	}
}

// One answer too many, from whatever is between this process and Redis, makes no caller
// take the answer to another one for its own.
func TestAnswersOutOfStepAreNobodys(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t)
	between := startRelay(t, s.Addr())
	r := open(t, cluster.Config{URL: "redis://" + between.Addr().String(), Installation: "one"})
	versions := make([]uint64, 16)
	for i := range versions {
		versions[i] = steady(t, r, fmt.Sprint("key:", i))
	}
	stop := time.Now().Add(500 * time.Millisecond)
	var all sync.WaitGroup
	for i := range versions {
		all.Go(func() {
			for n := 0; time.Now().Before(stop); n++ {
				if i == 0 && n == 20 {
					between.armed.Store(true)
				}
				got := version(t, r, fmt.Sprint("key:", i))
				for other, v := range versions {
					if other != i && v == got {
						t.Errorf("key:%d has the version of key:%d", i, other)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if r.Stats().Failures == 0 {
		t.Error("nothing was noticed")
	}
	eventually(t, "Redis is back", func() bool { return !r.Lost() && works(t, r) })
}
