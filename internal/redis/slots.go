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
	all := slices.Concat(c.addrs, c.options.Addrs)
	var once []string
	for _, addr := range all {
		if !slices.Contains(once, addr) && (last == nil || addr != last.addr) {
			once = append(once, addr)
		}
	}
	if last != nil {
		once = append(once, last.addr)
	}
	return once
}

// prefer makes the address the first to be asked.
func (c *Client) prefer(addr string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	others := slices.DeleteFunc(slices.Clone(c.addrs), func(a string) bool { return a == addr })
	c.addrs = slices.Insert(others, 0, addr)
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
	host := node.list[0].text
	if host == "" || host == "?" {
		host, _, _ = net.SplitHostPort(teller)
	}
	return net.JoinHostPort(host, strconv.FormatInt(node.list[1].number, 10))
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

// beside returns a connection to a node that does not have the slot yet.
func (c *Client) beside(ctx context.Context, addr string) (*conn, error) {
	c.mu.Lock()
	n := c.aside[addr]
	c.mu.Unlock()
	if n != nil && n.usable() {
		return n, nil
	}
	n, err := c.open(ctx, addr)
	if err == nil {
		err = c.meet(ctx, n)
	}
	if err != nil {
		return nil, &LostError{err}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.aside, func(_ string, a *conn) bool { return !a.usable() })
	if other := c.aside[addr]; other != nil { // since another caller connected
		n.close()
		return other, nil
	}
	if c.closed || len(c.aside) >= maxAside {
		n.close()
		return nil, errClosed
	}
	c.aside[addr] = n
	return n, nil
}
