package redis

import (
	"context"
	"errors"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
)

func itoa(n int) string { return strconv.Itoa(n) }

// slotOf returns the slot of a cluster in which a key is.
func slotOf(key string) int {
	if _, tag, found := strings.Cut(key, "{"); found {
		if tag, _, found = strings.Cut(tag, "}"); found && tag != "" {
			key = tag
		}
	}
	var crc uint16 // XMODEM, as the cluster specification of Redis has it
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			if crc <<= 1; carry {
				crc ^= 0x1021
			}
		}
	}
	return int(crc % 16384)
}

var errNoOwner = errors.New("no node of the redis cluster has the slot of the installation")

// find asks the nodes of the cluster one after the other who has the slot, and connects
// to that one. last is the connection before, whose node is asked last if it ended.
func (c *Client) find(ctx context.Context, last *conn) (*conn, error) {
	var failed error
	for _, addr := range c.candidates(last) {
		n, err := c.open(ctx, addr)
		if err != nil {
			failed = err
			continue
		}
		owner, err := c.owner(ctx, n)
		if err == nil && owner != addr {
			n.close()
			n, err = c.open(ctx, owner)
		}
		if err == nil {
			err = c.meet(ctx, n)
		}
		if err == nil {
			return n, nil
		}
		if failed = err; n != nil {
			n.close()
		}
	}
	return nil, failed
}

// candidates returns the nodes that are known, without doubles.
func (c *Client) candidates(last *conn) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if last == nil {
		return c.others("")
	}
	return append(c.others(last.addr), last.addr)
}

// others returns the nodes that are known, but for that of the address, without doubles.
// The caller has c.mu.
func (c *Client) others(addr string) (once []string) {
	for _, a := range slices.Concat(c.addrs, c.options.Addrs) {
		if a != addr && !slices.Contains(once, a) {
			once = append(once, a)
		}
	}
	return once
}

// prefer makes the address the first to be asked.
func (c *Client) prefer(addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addrs = slices.Insert(c.others(addr), 0, addr)
}

// avoid makes the address the last to be asked.
func (c *Client) avoid(addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addrs = append(c.others(addr), addr)
}

// redirection returns the kind of an error and, if it names the node that is to be asked,
// the address of that one. teller is who answered.
func redirection(e Error, teller string) (kind, addr string) {
	kind, rest, _ := strings.Cut(string(e), " ")
	if kind != "MOVED" && kind != "ASK" {
		return kind, ""
	}
	_, addr, _ = strings.Cut(rest, " ")
	colon := strings.LastIndexByte(addr, ':') // an IPv6 address has no brackets
	if colon < 0 {
		return kind, addr
	}
	return kind, joined(strings.Trim(addr[:colon], "[]"), addr[colon+1:], teller)
}

// owner asks a node which one has the slot, and keeps the addresses of all.
func (c *Client) owner(ctx context.Context, n *conn) (string, error) {
	v, err := n.one(ctx, "CLUSTER", "SLOTS")
	if err != nil {
		return "", err
	}
	owner, all := "", []string(nil)
	for _, of := range v.list {
		if len(of.list) < 3 {
			return "", errProtocol
		}
		for i, node := range of.list[2:] {
			addr := address(node, n.addr)
			all = append(all, addr)
			if i == 0 && of.list[0].number <= int64(c.slot) && int64(c.slot) <= of.list[1].number {
				owner = addr
			}
		}
	}
	if owner == "" {
		return "", errNoOwner
	}
	slices.Sort(all)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.addrs = slices.Compact(all)
	return owner, nil
}

// address returns the address of a node as another one tells it, who does not name its
// host if that is its own.
func address(node Value, teller string) string {
	if len(node.list) < 2 {
		return teller
	}
	return joined(node.list[0].text, strconv.FormatInt(node.list[1].number, 10), teller)
}

// joined returns an address, of whose host the teller says nothing if it is its own.
func joined(host, port, teller string) string {
	if host == "" || host == "?" {
		host, _, _ = net.SplitHostPort(teller)
	}
	return net.JoinHostPort(host, port)
}

// ask makes a call to a node to which the slot is just moving.
func (c *Client) ask(ctx context.Context, addr string, commands [][]string) ([]Value, error) {
	n, err := c.beside(ctx, addr)
	if err != nil {
		return nil, err
	}
	var asking [][]string
	for _, command := range commands {
		asking = append(asking, []string{"ASKING"}, command)
	}
	answers, err := n.do(ctx, asking...)
	if err != nil {
		return nil, err
	}
	var own []Value
	for i := 1; i < len(answers); i += 2 {
		own = append(own, answers[i])
	}
	return own, nil
}

// maxAside is how many nodes there may be to which a slot moves.
const maxAside = 8

// beside returns a connection to a node that does not have the slot yet, which all callers
// share.
func (c *Client) beside(ctx context.Context, addr string) (*conn, error) {
	c.mu.Lock()
	a := c.aside[addr]
	if a == nil || a.failed() {
		maps.DeleteFunc(c.aside, func(_ string, a *attempt) bool { return a.failed() })
		if c.closed || len(c.aside) >= maxAside {
			c.mu.Unlock()
			return nil, errClosed
		}
		a = newAttempt()
		c.aside[addr] = a
		go c.stepAside(a, addr)
	}
	c.mu.Unlock()
	return c.await(ctx, a)
}

func (c *Client) stepAside(a *attempt, addr string) {
	ctx := context.Background() // each step has the timeout
	n, err := c.open(ctx, addr)
	if err == nil {
		err = c.meet(ctx, n)
	}
	a.end(n, err)
}
