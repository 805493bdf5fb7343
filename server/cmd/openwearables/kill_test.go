package main_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// killCycles returns how often the tests kill the server: KILL_CYCLES, or else
// usual.
func killCycles(t *testing.T, usual int) int {
	t.Helper()
	asked := os.Getenv("KILL_CYCLES")
	if asked == "" {
		return usual
	}
	n, err := strconv.Atoi(asked)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// chain is one session: its current tokens, and the Idempotency-Key of the next
// refresh, which a retry repeats.
type chain struct {
	tokens pair
	key    string
	next   int
}

// client is one client of the server. It records every acknowledgement, and
// therefore what must hold after each restart.
type client struct {
	p     *process
	http  *http.Client
	admin string
	user  string
	name  string

	current      map[string]string // secrets of valid API keys, by id
	rotating     map[string]string // old secrets of keys whose rotation was not answered
	dead         []string          // secrets that were rotated or deleted
	users        []string
	revoked      []pair
	chain        chain
	acknowledged int

	stop   *atomic.Bool
	random *rand.Rand
}

// try sends a request. It returns false if the server was killed.
func (c *client) try(status int, method, path, token string, body any, headers ...string) (reply, bool) {
	a, err := c.p.send(c.http, method, path, token, body, headers...)
	if err != nil {
		return a, false
	}
	if a.status != status {
		c.p.t.Errorf("%s: %s %s answered %d %v, want %d", c.name, method, path, a.status, a.body, status)
		return a, false
	}
	c.acknowledged++
	return a, true
}

// work sends requests until the client is stopped or the server is killed.
func (c *client) work() {
	steps := []func() bool{c.createKey, c.createKey, c.rotateKey, c.deleteKey, c.refresh, c.refresh, c.revoke, c.createUser}
	for !c.stop.Load() && steps[c.random.IntN(len(steps))]() {
	}
}

func (c *client) createKey() bool {
	a, ok := c.try(201, "POST", "/api/v1/api-keys", c.admin, nil)
	if ok {
		c.current[a.str("id")] = a.str("key")
	}
	return ok
}

// anyKey returns a valid key.
func (c *client) anyKey() (id, secret string, ok bool) {
	for id, secret := range c.current {
		return id, secret, true
	}
	return "", "", false
}

func (c *client) rotateKey() bool {
	id, old, ok := c.anyKey()
	if !ok {
		return true
	}
	delete(c.current, id)
	c.rotating[id] = old
	a, ok := c.try(201, "POST", "/api/v1/api-keys/"+id+"/rotate", c.admin, nil)
	if ok {
		delete(c.rotating, id)
		c.current[id] = a.str("key")
		c.dead = append(c.dead, old)
	}
	return ok
}

func (c *client) deleteKey() bool {
	id, old, ok := c.anyKey()
	if !ok {
		return true
	}
	delete(c.current, id)
	if _, ok = c.try(200, "DELETE", "/api/v1/api-keys/"+id, c.admin, nil); ok {
		c.dead = append(c.dead, old)
	}
	return ok
}

// refresh sends the same request until it is answered, as every SDK does.
func (c *client) refresh() bool {
	body := map[string]string{"refresh_token": c.chain.tokens.refresh}
	a, ok := c.try(200, "POST", "/api/v1/auth/refresh", "", body, "Idempotency-Key", c.chain.key)
	if ok {
		c.chain.next++
		c.chain.tokens = pair{a.str("access_token"), a.str("refresh_token")}
		c.chain.key = fmt.Sprintf("%s-%d", c.name, c.chain.next)
	}
	return ok
}

func (c *client) mint() (pair, bool) {
	a, ok := c.try(200, "POST", "/api/v1/users/"+c.user+"/token", c.admin, nil)
	return pair{a.str("access_token"), a.str("refresh_token")}, ok
}

func (c *client) revoke() bool {
	tokens, ok := c.mint()
	if ok {
		_, ok = c.try(204, "POST", "/api/v1/auth/revoke", "", map[string]string{"refresh_token": tokens.refresh})
	}
	if ok {
		c.revoked = append(c.revoked, tokens)
	}
	return ok
}

func (c *client) createUser() bool {
	a, ok := c.try(201, "POST", "/api/v1/users", c.admin, map[string]any{})
	if ok {
		c.users = append(c.users, a.str("id"))
	}
	return ok
}

// check fails the test if anything that was acknowledged does not hold.
func (c *client) check() {
	for id, secret := range c.current {
		c.try(200, "GET", "/api/v1/users?limit=1", secret, nil)
		c.try(200, "GET", "/api/v1/api-keys/"+id, c.admin, nil)
	}
	for _, secret := range c.dead {
		c.try(401, "GET", "/api/v1/users?limit=1", secret, nil)
	}
	for id, old := range c.rotating { // rotated or not, the key must work
		if a, ok := c.try(201, "POST", "/api/v1/api-keys/"+id+"/rotate", c.admin, nil); ok {
			c.current[id] = a.str("key")
			c.try(401, "GET", "/api/v1/users?limit=1", old, nil)
		}
	}
	for _, tokens := range c.revoked {
		c.try(401, "GET", "/api/v1/users/"+c.user, tokens.access, nil)
		c.try(401, "POST", "/api/v1/auth/refresh", "", map[string]string{"refresh_token": tokens.refresh}, "Idempotency-Key", "again")
	}
	for _, id := range c.users {
		c.try(200, "GET", "/api/v1/users/"+id, c.admin, nil)
	}
	if !c.refresh() {
		c.p.t.Errorf("%s: the chain is broken after %d refreshes", c.name, c.chain.next)
	}
	c.try(200, "GET", "/api/v1/users/"+c.user, c.chain.tokens.access, nil)
}

// forget drops most of what was checked.
func (c *client) forget() {
	clear(c.rotating)
	c.dead = c.dead[max(0, len(c.dead)-10):]
	c.revoked = c.revoked[max(0, len(c.revoked)-10):]
	c.users = c.users[max(0, len(c.users)-10):]
	for id := range c.current {
		if len(c.current) <= 10 {
			break
		}
		delete(c.current, id)
	}
}

// The server is killed under load again and again. After each restart,
// everything acknowledged is there, and no start needs help.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	i, password := installWithDeveloper(t)
	unlimited := []string{
		"--limit-key", "1000000", "--limit-developer", "1000000", "--limit-user", "1000000", "--limit-address", "1000000",
		"--limit-refresh", "1000000", "--limit-refresh-session", "1000000", "--quota-keys", "100000",
	}
	p := i.serve(unlimited...)
	admin := p.login(email, password).access
	stop := new(atomic.Bool)
	clients := make([]*client, 4)
	for n := range clients {
		c := &client{
			p: p, http: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}, admin: admin, name: fmt.Sprintf("client-%d", n),
			rotating: make(map[string]string), current: make(map[string]string), stop: stop, random: rand.New(rand.NewPCG(seed, uint64(n+1))),
		}
		c.user = p.want(201, "POST", "/api/v1/users", admin, map[string]any{}).str("id")
		var ok bool
		if c.chain.tokens, ok = c.mint(); !ok {
			t.Fatal("no token")
		}
		c.chain.key = c.name
		clients[n] = c
		t.Cleanup(c.http.CloseIdleConnections)
	}
	each := func(f func(c *client)) {
		var all sync.WaitGroup
		for _, c := range clients {
			all.Go(func() { f(c) })
		}
		all.Wait()
	}
	for cycle := range killCycles(t, 15) {
		killed := time.AfterFunc(time.Duration(20+random.IntN(300))*time.Millisecond, p.kill)
		each((*client).work)
		killed.Stop()
		p.kill()
		p = i.serve(unlimited...)
		for _, c := range clients {
			c.p = p
		}
		each((*client).check)
		if t.Failed() {
			t.Fatalf("after kill %d, seed %d\n%s", cycle+1, seed, &p.stderr)
		}
		each((*client).forget)
	}
	acknowledged := 0
	for _, c := range clients {
		acknowledged += c.acknowledged
	}
	t.Logf("%d answers", acknowledged)
	if status := p.stop(); status != 0 {
		t.Errorf("status %d\n%s", status, &p.stderr)
	}
}

// A first start that is killed at any moment does not prevent the next one.
func TestKillDuringTheFirstStartNeedsNoHelp(t *testing.T) {
	t.Parallel()
	for range killCycles(t, 6) {
		i := install(t)
		cmd := i.server("--dev", "--database", "sqlite:openwearables.db")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for after := time.Duration(rand.IntN(150)) * time.Millisecond; time.Since(began) < after; time.Sleep(time.Millisecond) {
			if _, err := os.Stat(i.path("openwearables.db.secret")); err == nil && rand.IntN(4) == 0 {
				break
			}
		}
		_ = cmd.Process.Kill() // it has not ended before
		_ = cmd.Wait()
		p := i.serve()
		p.want(200, "GET", "/readyz", "", nil)
		p.kill()
	}
}
