// Package redis is a client of Redis, of Valkey, and of a cluster of either, for the few
// commands of internal/cluster. All callers of a process share one connection, on which
// those of one moment are written and answered together.
//
// It never makes a call twice that the server may have run: scripts that spend must not
// run twice. A call that fails because of the connection may have been run or not.
package redis

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options say which server, as whom, and what is to happen at each connection.
type Options struct {
	Network     string // "tcp" or "unix"
	Addrs       []string
	Cluster     bool   // whether the addresses are of any nodes of a cluster, and not the first of one server
	Key         string // of a cluster: all keys of all calls are in the slot of this one
	Database    int
	TLS         *tls.Config                               // nil: none
	Credentials func() (user, password string, err error) // asked for each connection; no password: none
	Timeout     time.Duration                             // of a call, and of each step to a connection

	// Connected, if set, is called for each connection before it takes other calls.
	Connected func(ctx context.Context, do func(command ...string) (Value, error))
	// Trace, if set, is called for each call, and what it returns at its end.
	Trace func(ctx context.Context, command string) (end func(error))
}

// Client is a client that connects at its first call, and again at the first after a
// connection ended. Safe for concurrent use.
type Client struct {
	options Options
	slot    int
	current atomic.Pointer[conn] // nil: none
	late    atomic.Uint64

	mu     sync.Mutex
	closed bool
	dial   *attempt            // under way; nil: none
	addrs  []string            // of the cluster, those first that are to be asked first
	aside  map[string]*attempt // to nodes to which the slot moves
}

// New returns a client. It does not connect.
func New(o Options) *Client {
	return &Client{options: o, slot: slotOf(o.Key), addrs: o.Addrs, aside: map[string]*attempt{}}
}

// Close ends the connections, and fails the calls that are under way.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	under := c.dial
	aside := c.aside
	c.aside = nil
	c.mu.Unlock()
	if under != nil {
		<-under.done
	}
	for _, a := range aside {
		if <-a.done; a.conn != nil {
			a.conn.close()
		}
	}
	if now := c.current.Load(); now != nil {
		now.close()
	}
}

// Disconnect ends the connections, and fails the calls that are under way. The next call
// connects again.
func (c *Client) Disconnect() {
	if now := c.current.Load(); now != nil {
		now.end(errClosed)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.aside {
		if n := a.made(); n != nil {
			n.end(errClosed)
		}
	}
}

// Stats describes the connections of a client.
type Stats struct {
	Connections, Busy int    // now; those on which a call waits
	Late              uint64 // connections that ended since a call was not answered in time, since the start
}

// Stats returns the statistics.
func (c *Client) Stats() Stats {
	s := Stats{Late: c.late.Load()}
	add := func(n *conn) {
		if n == nil {
			return
		}
		if calls, open := n.calls(); open {
			s.Connections++
			s.Busy += min(calls, 1)
		}
	}
	add(c.current.Load())
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range c.aside {
		add(a.made())
	}
	return s
}

// Do runs a command. An answer that is an error is returned as an Error.
func (c *Client) Do(ctx context.Context, command ...string) (Value, error) {
	answers, err := c.traced(ctx, command[0], command)
	if err != nil {
		return Value{}, err
	}
	return answers[0], answers[0].Err()
}

// Pipeline runs commands one after the other, whatever becomes of those before, and
// returns an answer to each, which may be an error. The error is that of the connection.
func (c *Client) Pipeline(ctx context.Context, commands [][]string) ([]Value, error) {
	if len(commands) == 0 {
		return nil, nil
	}
	return c.traced(ctx, "pipeline", commands...)
}

func (c *Client) traced(ctx context.Context, name string, commands ...[]string) (answers []Value, err error) {
	if c.options.Trace == nil {
		return c.run(ctx, commands, maxTries)
	}
	end := c.options.Trace(ctx, strings.ToLower(name))
	answers, err = c.run(ctx, commands, maxTries)
	end(errors.Join(err, firstError(answers)))
	return answers, err
}

func firstError(answers []Value) error {
	for _, a := range answers {
		if err := a.Err(); err != nil {
			return err
		}
	}
	return nil
}

// maxTries is how often a command is sent that no server has run, since the connection
// was broken or the slot is elsewhere.
const maxTries = 5

func (c *Client) run(ctx context.Context, commands [][]string, tries int) ([]Value, error) {
	if tries == 0 {
		return nil, errUnsent
	}
	to, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	answers, err := to.do(ctx, commands...)
	switch {
	case errors.Is(err, errUnsent):
		return c.run(ctx, commands, tries-1)
	case err == nil && firstError(answers) != nil:
		err = c.follow(ctx, to, answers, commands, tries)
	}
	return answers, err
}

// follow looks at what a server says that is not the one to ask. The answers to commands
// that it has not run become those of the one that is known then, and no other is sent
// again.
func (c *Client) follow(ctx context.Context, from *conn, answers []Value, commands [][]string, tries int) error {
	var again, asking []int
	var beside string
	for i, a := range answers {
		e, _ := a.Err().(Error)
		switch kind, addr := redirection(e, from.addr); {
		case kind == "READONLY": // it was made a replica: the name may lead to another one by now
			c.leave(from)
		case !c.options.Cluster:
		case kind == "CLUSTERDOWN": // it may be apart from the others, which have another owner then
			c.avoid(from.addr)
			c.leave(from)
		case kind == "MOVED":
			c.prefer(addr)
			c.leave(from)
			again = append(again, i)
		case kind == "ASK":
			asking, beside = append(asking, i), addr
		}
	}
	if len(asking) > 0 {
		err := replace(answers, commands, asking, func(some [][]string) ([]Value, error) { return c.ask(ctx, beside, some) })
		if errors.Is(err, errUnsent) {
			again = append(again, asking...)
		} else if err != nil {
			return err
		}
	}
	if len(again) == 0 {
		return nil
	}
	return replace(answers, commands, again, func(some [][]string) ([]Value, error) { return c.run(ctx, some, tries-1) })
}

// replace runs those of the commands, and replaces their answers.
func replace(answers []Value, commands [][]string, those []int, run func([][]string) ([]Value, error)) error {
	some := make([][]string, len(those))
	for i, at := range those {
		some[i] = commands[at]
	}
	other, err := run(some)
	if err != nil {
		return err
	}
	for i, at := range those {
		answers[at] = other[i]
	}
	return nil
}

// leave ends a connection once its calls are answered, so that the next call makes
// another one.
func (c *Client) leave(from *conn) {
	if c.current.CompareAndSwap(from, nil) {
		from.leave()
	}
}

// connect returns the connection, or awaits one.
func (c *Client) connect(ctx context.Context) (*conn, error) {
	if now := c.current.Load(); now != nil && now.usable() {
		return now, nil
	}
	c.mu.Lock()
	if now := c.current.Load(); now != nil && now.usable() { // since another one dialed
		c.mu.Unlock()
		return now, nil
	}
	if c.closed {
		c.mu.Unlock()
		return nil, errClosed
	}
	d := c.dial
	if d == nil {
		d = newAttempt()
		c.dial = d
		go c.redial(d)
	}
	c.mu.Unlock()
	return c.await(ctx, d)
}

func (c *Client) redial(d *attempt) {
	ctx := context.Background() // each step has the timeout
	var n *conn
	var err error
	if !c.options.Cluster {
		if n, err = c.open(ctx, c.options.Addrs[0]); err == nil {
			err = c.meet(ctx, n)
		}
	} else {
		n, err = c.find(ctx, c.current.Load())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	d.end(n, err)
	c.current.Store(d.conn)
	c.dial = nil
	for addr, a := range c.aside { // the slot may have moved
		if beside := a.made(); beside != nil {
			beside.leave()
			delete(c.aside, addr)
		}
	}
}

// meet lets the caller make the first calls of a connection.
func (c *Client) meet(ctx context.Context, n *conn) error {
	if c.options.Connected != nil {
		c.options.Connected(ctx, func(command ...string) (Value, error) { return n.one(ctx, command...) })
	}
	return n.reason()
}

// open opens a connection and says who calls.
func (c *Client) open(ctx context.Context, addr string) (*conn, error) {
	var commands [][]string
	if c.options.Credentials != nil {
		user, password, err := c.options.Credentials()
		switch {
		case err != nil:
			return nil, err
		case user != "" && password != "":
			commands = append(commands, []string{"AUTH", user, password})
		case password != "":
			commands = append(commands, []string{"AUTH", password})
		}
	}
	n, err := dial(ctx, &c.options, addr, &c.late)
	if err != nil {
		return nil, err
	}
	if c.options.Database != 0 {
		commands = append(commands, []string{"SELECT", itoa(c.options.Database)})
	}
	for _, command := range commands {
		if _, err := n.one(ctx, command...); err != nil {
			n.close()
			return nil, err
		}
	}
	return n, nil
}

// Script is a script of Lua that servers run.
type Script struct{ source, hash string }

// NewScript returns a script of the source.
func NewScript(source string) *Script {
	sum := sha1.Sum([]byte(source)) // how the protocol names scripts
	return &Script{source, hex.EncodeToString(sum[:])}
}

// Command returns the command that runs the script, whether or not the server knows it.
func (s *Script) Command(keys []string, args ...string) []string {
	return s.command("EVAL", s.source, keys, args)
}

// Run runs the script by its name, and where the server does not know it, by its source.
func (s *Script) Run(ctx context.Context, c *Client, keys []string, args ...string) (Value, error) {
	v, err := c.Do(ctx, s.command("EVALSHA", s.hash, keys, args)...)
	if e, ok := err.(Error); ok && strings.HasPrefix(string(e), "NOSCRIPT") {
		return c.Do(ctx, s.Command(keys, args...)...)
	}
	return v, err
}

func (s *Script) command(name, script string, keys, args []string) []string {
	command := make([]string, 0, 3+len(keys)+len(args))
	command = append(append(command, name, script, itoa(len(keys))), keys...)
	return append(command, args...)
}
