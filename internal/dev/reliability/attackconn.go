package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"golang.org/x/net/http2"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// The connections that a node allows under the attack, and those that it is offered:
// more than one address may have, and together more than all may.
const (
	allowed        = 240
	allowedAddress = 60
	strangers      = 6  // addresses
	offeredEach    = 70 // to each node, by each of them
)

// reopen is how long the attacker waits before it opens another connection for one that
// was closed. Without a pause the proof would be of how fast this machine connects.
const reopen = 2 * time.Second

// connections keeps connections open that never send a request, and opens another for
// each that a node closes.
func connections(*world) (func(context.Context, *hostile), error) {
	return func(ctx context.Context, h *hostile) {
		var all sync.WaitGroup
		for _, n := range h.w.stack.Nodes {
			for i := range strangers {
				for range offeredEach {
					from := fmt.Sprint("127.0.66.", 1+i)
					all.Go(func() {
						pause(ctx, rand.N(reopen))
						for ctx.Err() == nil {
							h.idle(ctx, from, n.Index)
							pause(ctx, reopen)
						}
					})
				}
			}
		}
		all.Wait()
	}, nil
}

// idle opens a connection and keeps it until the node closes it.
func (h *hostile) idle(ctx context.Context, from string, node int) {
	c := record.Call{Client: from, Node: node, Op: "hostile", Of: "attack", Start: h.w.log.Now()}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}, Timeout: 5 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", h.w.stack.Nodes[node].Addr)
	if err == nil {
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		defer stop()
		_, err = io.WriteString(conn, http2.ClientPreface)
		if err == nil {
			_, err = io.Copy(io.Discard, conn)
		}
		_ = conn.Close()
	}
	if c.End = h.w.log.Now(); err != nil && !errors.Is(err, net.ErrClosed) {
		c.Error = err.Error()
	}
	h.w.log.Add(c)
}
