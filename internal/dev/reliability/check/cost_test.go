package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// attacked tells of an attack that costs others nothing.
func attacked() *story {
	s := new(story)
	phase := func(name string, bytes int) {
		begun := s.now
		for i := range 200 {
			for _, op := range []string{"read", "write", "login"} {
				c := s.add(op, name, 200)
				c.Args["due"] = fmt.Sprint(c.Start)
			}
			if name == "attack" {
				s.add("hostile", name, 400+i%2)
			}
		}
		s.add("phase", name, 200).Start = begun
		s.add("memory", name, 200, "bytes", fmt.Sprint(100<<20))
		s.add("disk", name, 200, "bytes", fmt.Sprint(bytes))
	}
	s.add("disk", "begin", 200, "bytes", "1000000")
	phase("quiet", 1006000)
	phase("attack", 1014000)
	return s
}

// delayed lets every call of an operation under the attack end later.
func delayed(op string, by int64) func(*story) {
	return func(s *story) {
		for i := range s.calls {
			if c := &s.calls[i]; c.Op == op && c.Of == "attack" {
				c.End += by
			}
		}
	}
}

// under returns the nth call of the operation under the attack.
func (s *story) under(op string, n int) *record.Call {
	for i := range s.calls {
		if s.calls[i].Op == op && s.calls[i].Of == "attack" {
			if n--; n < 0 {
				return &s.calls[i]
			}
		}
	}
	panic("there is no such call: " + op)
}

func TestOneAgainstAllFindsEveryCost(t *testing.T) {
	costs := Costs{Hostile: 200, Memory: 10 << 20, PerCall: 64, Growth: 1 << 20}
	checker := func(c []record.Call) Verdict { return OneAgainstAll(c, costs) }
	refused := func(times int) func(*story) {
		return func(s *story) {
			for i := range times {
				c := s.under("write", i)
				c.Status, c.Out["Retry-After"] = 503, "1"
			}
		}
	}
	catches(t, attacked, checker, []lie{
		{"slow", delayed("read", 250e6)},
		{"too few for a percentile", func(s *story) { s.find("read", 0).Of = "" }},
		{"three of a hundred are slow", func(s *story) {
			for i := range 6 {
				s.under("login", i).End += 600e6
			}
		}},
		{"a wait before the call", func(s *story) {
			for i := range 6 {
				s.under("login", i).Args["due"] = fmt.Sprint(s.under("login", i).Start - 600e6)
			}
		}},
		{"more than one of a hundred fails", refused(3)},
		{"no answer, thrice", func(s *story) {
			for i := range 3 {
				s.under("read", i).Status = 0
			}
		}},
		{"refused", func(s *story) { s.under("read", 7).Status = 401 }},
		{"an error", func(s *story) { s.under("read", 7).Status = 500 }},
		{"broken while quiet", func(s *story) { s.find("read", 0).Status = 500 }},
		{"memory", func(s *story) { s.under("memory", 0).Args["bytes"] = fmt.Sprint(111 << 20) }},
		{"disk for a call", func(s *story) { s.under("disk", 0).Args["bytes"] = "1200000" }},
		{"disk in all", func(s *story) { s.under("disk", 0).Args["bytes"] = "3000000" }},
		{"no memory", func(s *story) { s.under("memory", 0).Op = "x" }},
		{"no disk", func(s *story) { s.find("disk", 0).Op = "x" }},
		{"no quiet", func(s *story) { s.find("phase", 0).Op = "x" }},
		{"no attack", func(s *story) { s.under("hostile", 0).Op = "x" }},
		{"no others", func(s *story) {
			for i := range s.calls {
				delete(s.calls[i].Args, "due")
			}
		}},
	})
	for name, excused := range map[string]func(*story){
		"one of a hundred fails": refused(2),
		"all are a little slow":  delayed("read", 150e6),
		"one of a hundred is slow": func(s *story) {
			s.under("read", 0).End += 9e9
		},
		"the machine stands still": func(s *story) {
			delayed("read", 600e6)(s)
			s.add("stall", "", 0).Start = s.find("read", 0).Start
			s.find("stall", 0).End = s.now + 6e8
		},
	} {
		s := attacked()
		excused(s)
		if v := checker(s.calls); v.Broken != 0 {
			t.Errorf("%s is found broken: %v", name, v.Evidence)
		}
	}
	told := strings.Join(OneAgainstAll(attacked().calls, costs).Counts, "; ")
	for _, said := range []string{"read 0/0 ms quiet, 0/0 under attack, 0 of 200 failed", "200 hostile calls: 100 x 400, 100 x 401", "at most 0 MiB more"} {
		if !strings.Contains(told, said) {
			t.Errorf("%q is not told: %s", said, told)
		}
	}
	slow := attacked()
	delayed("read", 600e6)(slow)
	if v := checker(slow.calls); v.Late != v.Broken {
		t.Errorf("slowness is not excused by the machine: %v", v.Evidence)
	}
}
