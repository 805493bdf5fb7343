package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// fewRows is the size of the stock to which a large one is compared.
const fewRows = 1000

// scale measures the works on stocks of the size, and what happens once, prints that, and
// with page writes it into the page. A day is replayed in dayTakes.
func scale(ctx context.Context, root string, size int, dayTakes time.Duration, only string, a about, page bool) (err error) {
	chosen, err := choose(scaleWorks(size), only)
	if err != nil {
		return err
	}
	l, err := newLab(filepath.Join(root, "bin", "openwearables"))
	if err != nil {
		return fmt.Errorf("%w: run make build first", err)
	}
	defer func() { err = errors.Join(err, l.close()) }()
	if err := l.onDisk(); err != nil {
		return err
	}
	r := &result{about: a, chosen: chosen}
	r.FileSystem = fileSystem(l.folder)
	if r.samples, err = l.rounds(ctx, chosen, a.Rounds, time.Duration(a.Slice*float64(time.Second)), os.Stdout); err != nil {
		return err
	}
	var once []moment
	for _, on := range []string{sqlite, both} {
		for _, n := range []int{fewRows, size} {
			if !l.hasStock(on, n) {
				continue
			}
			if n == size && only == "" {
				day, err := l.day(ctx, on, n, dayTakes, r)
				if err != nil {
					return fmt.Errorf("a day: %w", err)
				}
				once = append(once, day)
			}
			more, err := l.moments(ctx, on, n)
			if err != nil {
				return err
			}
			once = append(once, more...)
		}
	}
	fmt.Printf("\n%s\n", r.text())
	for _, m := range once {
		fmt.Printf("%s, %s, %s: %s\n", m.name, m.on, figure(float64(m.size)), m.value)
	}
	if !page {
		return nil
	}
	return r.writeScale(root, size, once)
}

// scaleWorks returns the works on stocks of the size, each after the same on a small one.
func scaleWorks(size int) (all []work) {
	kinds := []struct {
		name    string
		clients int
		callers func(*installation, int) []caller
	}{
		{"read with one key", 16, readingAny(1)},
		{"read with 1,000 keys in turns", 16, readingAny(fewRows)},
		{"read with any key", 16, readingAny(heldKeys)},
		{"refresh of any session", 16, (*installation).refreshingAny},
		{"refresh of any session", 64, (*installation).refreshingAny},
		{"exchange for any user", 16, (*installation).exchangingAny},
		{"list of 20 users", 16, askingAs("/api/v1/users?limit=20")},
		{"search of a user", 16, searching},
		{"list of 20 keys", 16, askingAs("/api/v1/api-keys?limit=20")},
		{"30 days of a key", 16, askingAs("/api/v1/api-keys/key_%024d/usage?resolution=day")},
	}
	for _, on := range []string{sqlite, both} {
		for _, kind := range kinds {
			few := work{kind.name + ", " + figure(fewRows), on, kind.clients, nil, stockSlice(on, fewRows, kind.callers)}
			all = append(all, few, work{kind.name, on, kind.clients, []work{few}, stockSlice(on, size, kind.callers)})
		}
	}
	return all
}

func stockSlice(on string, size int, callers func(*installation, int) []caller) func(context.Context, *lab, int, time.Duration) (sample, error) {
	return productSlice(func(l *lab, ctx context.Context) (*installation, error) { return l.withStock(ctx, on, size) }, callers)
}

// stockName names an installation.
func stockName(on string, size int) string {
	return fmt.Sprintf("%s_%d", strings.ToLower(firstOf(on)), size)
}

// hasStock reports whether there is an installation on the databases with a stock of the
// size.
func (l *lab) hasStock(on string, size int) bool { return l.stocked[stockName(on, size)] != nil }

// withStock returns the installation on the databases with a stock of the size.
func (l *lab) withStock(ctx context.Context, on string, size int) (*installation, error) {
	name := stockName(on, size)
	if i := l.stocked[name]; i != nil {
		return i, nil
	}
	database, redis := "sqlite:openwearables.db", ""
	if on == both {
		var err error
		if database, redis, err = l.createDatabase(ctx, name); err != nil {
			return nil, err
		}
	}
	i, err := l.start(ctx, name, database, redis, size)
	if err != nil {
		return nil, err
	}
	if on == both {
		i.databases = []int{l.postgres.ID(), l.redis.ID()}
	}
	p := poster{ctx: ctx, base: "http://" + i.addr}
	i.admin = p.post("/api/v1/auth/login", "", map[string]any{"email": email, "password": i.password})["access_token"]
	if l.stocked == nil {
		l.stocked = make(map[string]*installation)
	}
	l.stocked[name] = i
	return i, p.err
}

// picker returns numbers below n that look chosen at random, for each client the same in
// each run.
func picker(client int) func(n int) int {
	return rand.New(rand.NewPCG(1, uint64(client))).IntN
}

// picking returns callers that each make the call that the picks choose.
func picking(clients int, call func(c *conn, pick func(n int) int) error) []caller {
	callers := make([]caller, clients)
	for n := range callers {
		pick := picker(n)
		callers[n] = func(c *conn) error { return call(c, pick) }
	}
	return callers
}

// readingAny returns what makes callers that read any users, with any of so many keys.
func readingAny(keys int) func(*installation, int) []caller {
	return func(i *installation, clients int) []caller {
		s := i.stock
		return picking(clients, func(c *conn, pick func(int) int) error {
			user := s.id("user", pick(s.size)).String()
			status, body, err := c.do(request(i.addr, "GET", "/api/v1/users/"+user, s.keys[pick(min(keys, len(s.keys)))], ""))
			return expect(200, []byte(user), status, body, err)
		})
	}
}

// refreshingAny returns callers that refresh any sessions, of which each has a share.
func (i *installation) refreshingAny(clients int) []caller {
	callers := make([]caller, clients)
	for n := range callers {
		pick := picker(n)
		callers[n] = func(c *conn) error { return i.refresh(c, n+clients*pick(len(i.stock.generations)/clients)) }
	}
	return callers
}

// refresh refreshes a session of the stock, which nobody else does meanwhile.
func (i *installation) refresh(c *conn, session int) error {
	s := i.stock
	old := s.generations[session]
	status, body, err := c.do(request(i.addr, "POST", "/api/v1/auth/refresh", "", `{"refresh_token":"`+s.token(session, old)+`"}`))
	if err := expect(200, []byte(s.token(session, old+1)), status, body, err); err != nil {
		return err
	}
	s.generations[session]++
	return nil
}

// exchangingAny returns callers that exchange the secret of one application for tokens
// of any users.
func (i *installation) exchangingAny(clients int) []caller {
	s := i.stock
	secret := `{"app_id":"` + s.app.id + `","app_secret":"` + s.app.secret + `"}`
	return picking(clients, func(c *conn, pick func(int) int) error {
		status, body, err := c.do(request(i.addr, "POST", "/api/v1/users/"+s.id("user", pick(s.size)).String()+"/token", "", secret))
		return expect(200, []byte("refresh_token"), status, body, err)
	})
}

// searching returns callers that search for users by their last names.
func searching(i *installation, clients int) []caller {
	return picking(clients, func(c *conn, pick func(int) int) error {
		name := i.stock.name("last", pick(i.stock.size), 4)
		status, body, err := c.do(request(i.addr, "GET", "/api/v1/users?limit=20&search="+name, i.admin, ""))
		return expect(200, []byte(name), status, body, err)
	})
}

// askingAs returns what makes callers that ask as the developer for the path, with one
// of the numbers below 1,000 in it.
func askingAs(path string) func(*installation, int) []caller {
	return func(i *installation, clients int) []caller {
		return picking(clients, func(c *conn, pick func(int) int) error {
			full := path
			if strings.Contains(path, "%") {
				full = fmt.Sprintf(path, pick(min(i.stock.size, fewRows)))
			}
			status, body, err := c.do(request(i.addr, "GET", full, i.admin, ""))
			return expect(200, []byte("{"), status, body, err)
		})
	}
}
