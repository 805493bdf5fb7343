package redis

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// node is a server that answers each command as it is told, and with "" none any more.
type node struct {
	net.Listener
	mu       sync.Mutex
	accepted int
	commands []string
}

func startNode(t *testing.T, answer func(n *node, command string) string) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &node{Listener: l}
	var serving sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
	})
	serving.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { n.serve(c, answer) })
		}
	})
	return n
}

func (n *node) serve(c net.Conn, answer func(*node, string) string) {
	defer c.Close()
	n.mu.Lock()
	n.accepted++
	n.mu.Unlock()
	for r := newReader(c); ; {
		v, err := r.answer()
		if err != nil {
			return
		}
		var words []string
		for _, w := range v.list {
			words = append(words, w.text)
		}
		command := strings.Join(words, " ")
		n.mu.Lock()
		n.commands = append(n.commands, command)
		n.mu.Unlock()
		text := answer(n, command)
		if text == "" {
			_, _ = io.Copy(io.Discard, c)
			return
		}
		for text != "" { // in pieces of any size
			some := 1 + rand.IntN(min(len(text), 7))
			if _, err := c.Write([]byte(text[:some])); err != nil {
				return
			}
			text = text[some:]
		}
	}
}

func (n *node) port() int { return n.Addr().(*net.TCPAddr).Port }

// count returns how often a command came.
func (n *node) count(command string) (count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.commands {
		if c == command {
			count++
		}
	}
	return count
}

// slots is what a node says of a cluster whose slots all belong to the port.
func slots(port int) string {
	return fmt.Sprintf("*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n", port)
}

func startClient(t *testing.T, o Options) *Client {
	o.Network, o.Timeout, o.Cluster = "tcp", 10*time.Second, true
	c := New(o)
	t.Cleanup(c.Close)
	return c
}

// While a slot moves, some commands of a pipeline are run by the node that had it and the
// others by the one that gets it. Each is run once, whatever the errors call the nodes.
func TestMovingSlotsRunNothingTwice(t *testing.T) {
	for _, kind := range []string{"ASK", "MOVED"} {
		for _, host := range []string{"127.0.0.1", "", "?"} {
			to := startNode(t, func(n *node, command string) string {
				if command == "CLUSTER SLOTS" {
					return slots(n.port())
				}
				return "+new\r\n"
			})
			from := startNode(t, func(n *node, command string) string {
				switch command {
				case "CLUSTER SLOTS":
					return slots(n.port())
				case "TAKE b":
					return fmt.Sprintf("-%s 7 %s:%d\r\n", kind, host, to.port())
				default:
					return "+old\r\n"
				}
			})
			c := startClient(t, Options{Addrs: []string{from.Addr().String()}})
			answers, err := c.Pipeline(t.Context(), [][]string{{"TAKE", "a"}, {"TAKE", "b"}, {"TAKE", "c"}})
			if err != nil {
				t.Fatalf("%s %s: %v", kind, host, err)
			}
			var texts []string
			for _, a := range answers {
				texts = append(texts, a.text)
			}
			if want := []string{"old", "new", "old"}; !slices.Equal(texts, want) {
				t.Errorf("%s %s: the answers are %q", kind, host, texts)
			}
			for _, command := range []string{"TAKE a", "TAKE b", "TAKE c"} {
				asked, run := from.count(command), to.count(command)
				if moved := command == "TAKE b"; asked != 1 || moved != (run == 1) {
					t.Errorf("%s %s: %s came %d and %d times", kind, host, command, asked, run)
				}
			}
		}
	}
}

// However many callers are sent aside at once, they share one connection, which ends once
// the slot has moved.
func TestCallersAsideShareAConnection(t *testing.T) {
	to := startNode(t, func(n *node, command string) string {
		if command == "CLUSTER SLOTS" {
			return slots(n.port())
		}
		return "+new\r\n"
	})
	var mu sync.Mutex
	kind := "ASK"
	from := startNode(t, func(n *node, command string) string {
		if command == "CLUSTER SLOTS" {
			return slots(n.port())
		}
		mu.Lock()
		defer mu.Unlock()
		return fmt.Sprintf("-%s 7 127.0.0.1:%d\r\n", kind, to.port())
	})
	c := startClient(t, Options{Addrs: []string{from.Addr().String()}})
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if _, err := c.Do(t.Context(), "TAKE"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if to.mu.Lock(); to.accepted != 1 {
		t.Errorf("%d connections", to.accepted)
	}
	to.mu.Unlock()
	mu.Lock()
	kind = "MOVED"
	mu.Unlock()
	if _, err := c.Do(t.Context(), "TAKE"); err != nil {
		t.Fatal(err)
	}
	if n := c.Stats().Connections; n != 1 {
		t.Errorf("%d connections are left once the slot has moved", n)
	}
}

// A node that is apart from its cluster says so. Another one is asked who has the slot.
func TestNodesApartAreLeft(t *testing.T) {
	other := startNode(t, func(n *node, command string) string {
		if command == "CLUSTER SLOTS" {
			return slots(n.port())
		}
		return "+other\r\n"
	})
	apart := startNode(t, func(n *node, command string) string {
		if command == "CLUSTER SLOTS" {
			return slots(n.port())
		}
		return "-CLUSTERDOWN The cluster is down\r\n"
	})
	c := startClient(t, Options{Addrs: []string{apart.Addr().String(), other.Addr().String()}})
	if _, err := c.Do(t.Context(), "TAKE"); err == nil {
		t.Error("no error")
	}
	if v, err := c.Do(t.Context(), "TAKE"); err != nil || v.text != "other" {
		t.Errorf("%+v, %v", v, err)
	}
}

// A server that sends every call elsewhere is not followed for ever.
func TestRedirectionsEnd(t *testing.T) {
	for _, kind := range []string{"ASK", "MOVED"} {
		n := startNode(t, func(n *node, command string) string {
			switch command {
			case "CLUSTER SLOTS":
				return slots(n.port())
			case "ASKING":
				return "+OK\r\n"
			}
			return fmt.Sprintf("-%s 7 127.0.0.1:%d\r\n", kind, n.port())
		})
		c := startClient(t, Options{Addrs: []string{n.Addr().String()}})
		if v, err := c.Do(t.Context(), "TAKE"); err == nil {
			t.Errorf("%s: %+v", kind, v)
		}
		if times := n.count("TAKE"); times > maxTries {
			t.Errorf("%s: sent %d times", kind, times)
		}
	}
}

// No pipeline is nothing to wait for, and takes no answer of another one.
func TestEmptyPipelines(t *testing.T) {
	n := startNode(t, func(*node, string) string { return "+OK\r\n" })
	c := New(Options{Network: "tcp", Addrs: []string{n.Addr().String()}, Timeout: 10 * time.Second})
	t.Cleanup(c.Close)
	ctx, end := context.WithTimeout(t.Context(), time.Second)
	defer end()
	if answers, err := c.Pipeline(ctx, nil); len(answers) != 0 || err != nil {
		t.Errorf("%+v, %v", answers, err)
	}
	if _, err := c.Do(ctx, "PING"); err != nil {
		t.Error(err)
	}
}

// A server that takes no more clients says so before it is asked anything.
func TestReasonsBeforeAnyCallAreTold(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			_, _ = c.Write([]byte("-ERR max number of clients reached\r\n"))
			_ = c.Close()
		}
	}()
	var late atomic.Uint64
	n, err := dial(t.Context(), &Options{Network: "tcp", Timeout: 10 * time.Second}, l.Addr().String(), &late)
	if err != nil {
		t.Fatal(err)
	}
	n.ended.Wait()
	if err := n.reason(); err == nil || err.Error() != "ERR max number of clients reached" {
		t.Error(err)
	}
}
