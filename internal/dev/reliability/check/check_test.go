package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// story is a record that is written in the order of its calls, one each
// millisecond.
type story struct {
	calls []record.Call
	now   int64
}

func (s *story) add(op, of string, status int, more ...string) *record.Call {
	s.now += 1e6
	c := record.Call{Client: "c", Op: op, Of: of, Start: s.now, End: s.now + 5e5, Status: status, Args: make(map[string]string), Out: make(map[string]string)}
	for i := 0; i+1 < len(more); i += 2 {
		if name, ok := strings.CutPrefix(more[i], ">"); ok {
			c.Out[name] = more[i+1]
		} else if more[i] == "reason" {
			c.Reason = more[i+1]
		} else {
			c.Args[more[i]] = more[i+1]
		}
	}
	s.calls = append(s.calls, c)
	return &s.calls[len(s.calls)-1]
}

// find returns the nth call of the operation.
func (s *story) find(op string, n int) *record.Call {
	for i := range s.calls {
		if s.calls[i].Op == op {
			if n--; n < 0 {
				return &s.calls[i]
			}
		}
	}
	panic("there is no such call: " + op)
}

// lie changes a good story into that of a broken server.
type lie struct {
	name string
	tell func(*story)
}

// catches requires of a checker that it accepts the story and finds each lie.
func catches(t *testing.T, tell func() *story, checker func([]record.Call) Verdict, lies []lie) {
	t.Helper()
	if v := checker(tell().calls); v.Broken != 0 {
		t.Fatalf("the good story is found broken: %v", v.Evidence)
	}
	for _, l := range lies {
		s := tell()
		l.tell(s)
		if v := checker(s.calls); v.Broken == 0 {
			t.Errorf("not found: %s", l.name)
		}
	}
}

func refuse(op string, n int, reason string) func(*story) {
	return func(s *story) {
		c := s.find(op, n)
		c.Status, c.Reason, c.Out = 401, reason, map[string]string{}
	}
}

func accept(op string, n int, more ...string) func(*story) {
	return func(s *story) {
		c := s.find(op, n)
		c.Status, c.Reason = 200, ""
		for i := 0; i+1 < len(more); i += 2 {
			c.Out[more[i]] = more[i+1]
		}
	}
}

func TestSingleUseFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("burst", "none-0", 200, ">refresh_token", "a")
		s.add("burst", "none-0", 401, "reason", "refresh_token_used")
		s.add("successor", "none-0", 200)
		s.add("access", "none-0", 200)
		s.add("burst", "one-0", 200, ">refresh_token", "b")
		s.add("burst", "one-0", 200, ">refresh_token", "b")
		s.add("successor", "one-0", 200)
		s.add("access", "one-0", 200)
		s.add("burst", "each-0", 200, ">refresh_token", "c")
		s.add("burst", "each-0", 401, "reason", "refresh_token_reused")
		s.add("successor", "each-0", 401)
		s.add("access", "each-0", 401)
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return SingleUse(c, 2, 1) }, []lie{
		{"two winners", accept("burst", 1, "refresh_token", "x")},
		{"no winner", refuse("burst", 0, "refresh_token_used")},
		{"another reason", refuse("burst", 1, "invalid_refresh_token")},
		{"the successor is dead", refuse("successor", 0, "invalid_refresh_token")},
		{"two successors for one key", accept("burst", 3, "refresh_token", "x")},
		{"one key refused", refuse("burst", 2, "refresh_token_used")},
		{"two keys won", accept("burst", 5, "refresh_token", "x")},
		{"the session lives", accept("successor", 2)},
		{"the access token lives", accept("access", 2)},
		{"500", func(s *story) { s.find("burst", 5).Status = 500 }},
		{"an answer is missing", func(s *story) { s.calls = s.calls[1:] }},
		{"a burst was put off, and none made again", putOff("burst", 1)},
	})
	again := func() *story {
		s := tell()
		s.add("burst", "none-1", 200, ">refresh_token", "d")
		s.add("burst", "none-1", 401, "reason", "refresh_token_used")
		s.add("burst", "none-1", 503, ">Retry-After", "1")
		s.add("burst", "one-1", 200, ">refresh_token", "e")
		s.add("burst", "one-1", 200, ">refresh_token", "e")
		s.add("burst", "one-1", 503, ">Retry-After", "1")
		return s
	}
	for i := range 3 { // all bursts have three
		kind := []string{"none", "one", "each"}[i]
		more := again
		again = func() *story {
			s := more()
			c := *s.find("burst", 2*i+1)
			c.Of = kind + "-0"
			s.calls = append(s.calls, c)
			return s
		}
	}
	catches(t, again, func(c []record.Call) Verdict { return SingleUse(c, 3, 1) }, []lie{
		{"two winners and a 503", accept("burst", 7, "refresh_token", "x")},
		{"two successors for one key and a 503", accept("burst", 10, "refresh_token", "x")},
		{"a 503 without Retry-After", func(s *story) { delete(s.find("burst", 8).Out, "Retry-After") }},
	})
}

func putOff(op string, n int) func(*story) {
	return func(s *story) {
		c := s.find(op, n)
		c.Status, c.Out = 503, map[string]string{"Retry-After": "1"}
	}
}

func TestHistoriesFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("mint", "f", 200, ">refresh_token", "t1")
		s.add("refresh", "f", 200, "refresh_token", "t1", "idempotency", "k1", ">refresh_token", "t2")
		s.add("refresh", "f", 200, "refresh_token", "t1", "idempotency", "k1", ">refresh_token", "t2")
		s.add("refresh", "f", 200, "refresh_token", "t2", ">refresh_token", "t3")
		s.add("refresh", "f", 401, "refresh_token", "t2", "idempotency", "k2", "reason", "refresh_token_used")
		s.add("refresh", "f", 401, "refresh_token", "t1", "idempotency", "k1", "reason", "refresh_token_reused")
		s.add("refresh", "f", 401, "refresh_token", "t3", "reason", "invalid_refresh_token")
		s.add("revoke", "f", 204, "refresh_token", "t3")
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Histories(c, 1) }, []lie{
		{"a retry gets another successor", accept("refresh", 1, "refresh_token", "t9")},
		{"a retry is refused", refuse("refresh", 1, "refresh_token_used")},
		{"a race is let through", accept("refresh", 3, "refresh_token", "t3")},
		{"a race ends the session", refuse("refresh", 3, "refresh_token_reused")},
		{"a replay is let through", accept("refresh", 4, "refresh_token", "t3")},
		{"a replay is not punished", refuse("refresh", 4, "refresh_token_used")},
		{"a dead session refreshes", accept("refresh", 5, "refresh_token", "t4")},
		{"an old token again", accept("refresh", 2, "refresh_token", "t1")},
		{"500", func(s *story) { s.find("refresh", 5).Status = 500 }},
		{"put off, and no other family", putOff("refresh", 5)},
	})
	again := func() *story {
		s := tell()
		s.add("mint", "g", 200, ">refresh_token", "u1")
		s.add("refresh", "g", 200, "refresh_token", "u1", "idempotency", "k1", ">refresh_token", "u2")
		s.add("refresh", "g", 200, "refresh_token", "u1", "idempotency", "k1", ">refresh_token", "u2")
		s.add("refresh", "g", 503, "refresh_token", "u1", ">Retry-After", "1")
		return s
	}
	catches(t, again, func(c []record.Call) Verdict { return Histories(c, 1) }, []lie{
		{"two successors and a 503", accept("refresh", 7, "refresh_token", "u3")},
		{"503 without Retry-After", func(s *story) { delete(s.find("refresh", 8).Out, "Retry-After") }},
		{"500 and a 503", func(s *story) { s.find("refresh", 7).Status = 500 }},
	})
}

func TestEndedFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("use", "v", 200)
		s.add("end", "v", 200)
		s.add("use-new", "v", 200)
		s.add("use", "v", 401)
		s.add("use", "w", 200)
		s.add("end-killed", "w", 0)
		s.add("use", "w", 200)
		s.now += int64(Lease + Margin)
		s.add("use", "w", 401)
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Ended(c, 2, false) }, []lie{
		{"accepted after the end", accept("use", 1)},
		{"refused before the end", refuse("use", 0, "")},
		{"the new one refused", refuse("use-new", 0, "")},
		{"accepted long after the death", accept("use", 4)},
		{"500 after the end", func(s *story) { s.find("use", 1).Status = 500 }},
		{"never ended", func(s *story) { s.find("end", 0).Status = 503 }},
		{"put off, and nothing was disturbed", putOff("use-new", 0)},
		{"503 after the end without Retry-After", func(s *story) { s.find("use", 1).Status = 503 }},
	})
	disturbed := func() *story {
		s := tell()
		putOff("use", 1)(s)
		putOff("use-new", 0)(s)
		s.add("use", "v", 401)
		return s
	}
	catches(t, disturbed, func(c []record.Call) Verdict { return Ended(c, 2, true) }, []lie{
		{"accepted after the end, while disturbed", accept("use", 5)},
	})
}

func TestSurvivorsFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("refresh", "f", 200)
		s.add("end", "f", 204)
		s.add("survivor", "f", 401)
		s.add("access", "f", 401)
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Survivors(c, 1) }, []lie{
		{"a refresh token survives", accept("survivor", 0)},
		{"an access token survives", accept("access", 0)},
		{"never ended", func(s *story) { s.find("end", 0).Status = 500 }},
		{"put off and never tried again", func(s *story) { putOff("survivor", 0)(s); putOff("access", 0)(s) }},
	})
}

func TestOutagesFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("baseline", "db-x", 0, "rss", "1", "goroutines", "5")
		s.add("right", "db-x", 200)
		s.add("fault", "db-x", 200)
		for range 10 {
			s.add("right", "db-x", 503, ">Retry-After", "1")
		}
		s.add("livez", "db-x", 200)
		s.add("readyz", "db-x", 503)
		s.add("wrong", "db-x", 401)
		s.add("stall", "", 0).Start -= 2e9
		s.add("right", "db-x", 200).Start -= 4e9
		s.add("heal", "db-x", 200)
		s.now += int64(recovered)
		for range 25 {
			s.add("right", "db-x", 200)
		}
		s.add("readyz", "db-x", 200)
		s.add("after", "db-x", 0, "rss", "1", "goroutines", "5")
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Outages(c, []string{"db-x"}) }, []lie{
		{"500", func(s *story) { s.find("right", 3).Status = 500 }},
		{"a hang", func(s *story) { s.find("right", 3).End += 3e9 }},
		{"no answer", func(s *story) { s.find("right", 3).Status = 0 }},
		{"without Retry-After", func(s *story) { delete(s.find("right", 3).Out, "Retry-After") }},
		{"let in", accept("wrong", 0)},
		{"401 for a good credential", refuse("right", 3, "invalid_api_key")},
		{"503 before the fault", func(s *story) { s.find("right", 0).Status = 503 }},
		{"a hang beside a stall", func(s *story) { s.find("right", 11).Start -= 1e9 }},
		{"503 long after", func(s *story) { s.find("right", 20).Status = 503 }},
		{"not alive", func(s *story) { s.find("livez", 0).Status = 503 }},
		{"ready without a database", accept("readyz", 0)},
		{"not ready afterwards", func(s *story) { s.find("readyz", 1).Status = 503 }},
		{"goroutines", func(s *story) { s.find("after", 0).Args["goroutines"] = "50" }},
		{"memory", func(s *story) { s.find("after", 0).Args["rss"] = fmt.Sprint(100 << 20) }},
	})
}

// TestLateIsWhatTheMachineMayHaveCaused: no other failure is excused.
func TestLateIsWhatTheMachineMayHaveCaused(t *testing.T) {
	for _, c := range []struct {
		status int
		header string
		late   int
	}{{503, ">Retry-After", 1}, {502, ">X-Balancer", 1}, {503, "", 0}, {500, "", 0}, {401, "", 0}} {
		var s story
		for range 250 {
			s.add("right", "", 200)
		}
		s.add("right", "", c.status, c.header, "1")
		s.add("terminate", "", 200)
		if v := Rolling(s.calls, 1, 0); v.Broken != 1 || v.Late != c.late {
			t.Errorf("%d with %q: %d broken, %d of them late", c.status, c.header, v.Broken, v.Late)
		}
	}
}

func TestRollingFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		for range 250 {
			s.add("right", "", 200)
		}
		s.add("terminate", "", 200)
		s.add("signing-key", "", 200)
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Rolling(c, 1, 1) }, []lie{
		{"a bad gateway", func(s *story) { s.find("right", 7).Status = 502 }},
		{"a late end", func(s *story) { s.find("terminate", 0).End += 11e9 }},
		{"a bad end", func(s *story) { s.find("terminate", 0).Status = 0 }},
		{"no restart", func(s *story) { s.find("terminate", 0).Op = "" }},
	})
}

func TestSoakFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		for range 40 {
			s.add("sample", "", 0, "rss", "1000000", "goroutines", "20", "files", "30")
			s.add("right", "", 200)
		}
		return s
	}
	grow := func(what string, to int) func(*story) {
		return func(s *story) {
			for n := 30; n < 40; n++ {
				s.find("sample", n).Args[what] = fmt.Sprint(to)
			}
		}
	}
	catches(t, tell, func(c []record.Call) Verdict { return Soak(c, 1) }, []lie{
		{"memory", grow("rss", 50<<20)},
		{"goroutines", grow("goroutines", 99)},
		{"files", grow("files", 99)},
		{"WAL", func(s *story) { s.add("wal", fmt.Sprint(100<<20), 200) }},
		{"503", func(s *story) { s.find("right", 7).Status = 503 }},
		{"a 503 that nothing explains", putOff("right", 7)},
	})
	starving := func() *story {
		s := tell()
		for range 2000 {
			s.add("right", "", 200)
		}
		putOff("right", 77)(s)
		s.calls = append(s.calls, record.Call{Op: "stall", Start: -3e8, End: s.find("right", 77).Start})
		return s
	}
	catches(t, starving, func(c []record.Call) Verdict { return Soak(c, 1) }, []lie{
		{"more than one in a thousand", func(s *story) { putOff("right", 78)(s); putOff("right", 79)(s) }},
		{"long after the machine stood still", putOff("right", 1900)},
		{"a refusal", refuse("right", 77, "")},
	})
}
