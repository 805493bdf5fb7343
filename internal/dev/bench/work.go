package main

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// work is a kind of request that is measured, or the floor of one.
type work struct {
	name    string
	on      string // the databases
	clients int
	floors  []work // what it is compared to
	slice   func(ctx context.Context, l *lab, clients int, d time.Duration) (sample, error)
}

// id names the work among all.
func (w work) id() string { return fmt.Sprintf("%s, %s, %d", w.name, w.on, w.clients) }

// run measures one slice. Its errors name the work.
func (w work) run(ctx context.Context, l *lab, d time.Duration) (sample, error) {
	s, err := w.slice(ctx, l, w.clients, d)
	if err != nil {
		return s, fmt.Errorf("%s: %w", w.id(), err)
	}
	s.Work = w.id()
	return s, nil
}

// Databases of works.
const (
	none     = "–"
	sqlite   = "SQLite"
	postgres = "PostgreSQL"
	both     = "PostgreSQL, Redis"
)

// logins is how many clients log in at once: the product lets one network hash few
// passwords at once.
const logins = 2

// works are all works, each after its floor.
var works = allWorks()

func allWorks() []work {
	rest := work{"bare REST", none, 16, nil, floorSlice("rest", "GET", "/users/", "")}
	point := work{"bare read", sqlite, 16, nil, floorSlice("sqlite", "GET", "/users/", "")}
	connect := work{"bare Connect", none, 16, nil, floorSlice("connect", "POST", getUser, `{"id":"%s"}`)}
	generated := work{"connect-go", none, 16, nil, floorSlice("connect-go", "POST", getUser, `{"id":"%s"}`)}
	script := work{"bare EVALSHA, read", both, 16, nil, floorSlice("postgres", "GET", "/users/", "")}
	page := work{"bare page", sqlite, 16, nil, floorSlice("page", "GET", "/users/", "")}
	hash := work{"bare argon2id", none, logins, nil, floorSlice("argon2id", "POST", "/login", `{"id":"%s"}`)}
	all := []work{
		rest, point,
		{"read", sqlite, 16, []work{rest, point}, productSlice((*lab).onSQLite, asking((*installation).reading))},
		{"read with a user token", sqlite, 16, []work{rest, point}, productSlice((*lab).onSQLite, asking((*installation).readingOwn))},
		connect, generated,
		{"read over Connect", sqlite, 16, []work{connect, generated}, productSlice((*lab).onSQLite, asking((*installation).readingConnect))},
		script,
		{"read", both, 16, []work{script}, productSlice((*lab).onPostgres, asking((*installation).reading))},
		page,
		{"list of 20 users", sqlite, 16, []work{page}, productSlice((*lab).onSQLite, asking((*installation).listing))},
		hash,
		{"login", sqlite, logins, []work{hash}, productSlice((*lab).onSQLite, asking((*installation).loggingIn))},
	}
	for _, clients := range []int{1, 16, 64} {
		commit := work{"bare group commit", sqlite, clients, nil, commitSlice}
		all = append(all, commit, work{"refresh", sqlite, clients, []work{commit}, productSlice((*lab).onSQLite, (*installation).refreshing)})
	}
	for _, clients := range []int{1, 16, 64} {
		tx := work{"tx of pgbench", postgres, clients, nil, pgbenchSlice}
		all = append(all, tx, work{"refresh", both, clients, []work{tx}, productSlice((*lab).onPostgres, (*installation).refreshing)})
		if clients > 1 {
			all = append(all, work{"exchange of one application", both, clients, []work{tx}, productSlice((*lab).onPostgres, (*installation).exchanging)})
		}
	}
	return all
}

// asking returns what makes callers that ask an installation.
func asking(questions func(*installation) []question) func(*installation, int) []caller {
	return func(i *installation, clients int) []caller { return inTurns(questions(i), clients) }
}

// productSlice measures callers of an installation.
func productSlice(install func(*lab, context.Context) (*installation, error), callers func(*installation, int) []caller,
) func(context.Context, *lab, int, time.Duration) (sample, error) {
	return func(ctx context.Context, l *lab, clients int, d time.Duration) (sample, error) {
		i, err := install(l, ctx)
		if err != nil {
			return sample{}, err
		}
		return measure(ctx, i.target, callers(i, clients), d)
	}
}

// floorSlice measures requests of a floor, for each of its users in turns: the path is
// that of a user if it ends with a slash, and a body names one.
func floorSlice(kind, method, path, body string) func(context.Context, *lab, int, time.Duration) (sample, error) {
	return func(ctx context.Context, l *lab, clients int, d time.Duration) (sample, error) {
		t, err := l.floor(ctx, kind)
		if err != nil {
			return sample{}, err
		}
		questions := make([]question, users)
		for n := range questions {
			full, text := path, body
			if strings.HasSuffix(path, "/") {
				full += userID(n)
			}
			if body != "" {
				text = fmt.Sprintf(body, userID(n))
			}
			questions[n] = question{request(t.addr, method, full, "", text), []byte("{")}
		}
		return measure(ctx, *t, inTurns(questions, clients), d)
	}
}

// commitSlice measures the floor of a refresh on SQLite, each client with a session
// of its own.
func commitSlice(ctx context.Context, l *lab, clients int, d time.Duration) (sample, error) {
	t, err := l.floor(ctx, "commit")
	if err != nil {
		return sample{}, err
	}
	questions := make([]question, clients)
	for n := range questions {
		questions[n] = question{request(t.addr, "POST", "/sessions/"+userID(n), "", ""), []byte(userID(n))}
	}
	return measure(ctx, *t, inTurns(questions, clients), d)
}

// choose returns the works among all whose ids contain one of the comma-separated texts, and
// their floors; all for "".
func choose(all []work, only string) (chosen []work, err error) {
	if only == "" {
		return all, nil
	}
	wanted := make(map[string]bool)
	for text := range strings.SplitSeq(only, ",") {
		found := false
		for _, w := range all {
			if strings.Contains(w.id(), strings.TrimSpace(text)) {
				wanted[w.id()], found = true, true
				for _, floor := range w.floors {
					wanted[floor.id()] = true
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no work %q; those that there are:\n%s", text, strings.Join(ids(all), "\n"))
		}
	}
	for _, w := range all {
		if wanted[w.id()] {
			chosen = append(chosen, w)
		}
	}
	return chosen, nil
}

func ids(works []work) (all []string) {
	for _, w := range works {
		all = append(all, w.id())
	}
	return all
}
