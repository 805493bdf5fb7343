package check

import (
	"fmt"
	"strings"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

func TestLimitsFindsEveryLie(t *testing.T) {
	tell := func() *story {
		s := new(story)
		for i := range 2 {
			s.add("spend", "r", 200, ">X-Ratelimit-Remaining", fmt.Sprint(1-i), ">X-Ratelimit-Reset", "9")
		}
		s.add("spend", "r", 429, ">X-Ratelimit-Remaining", "0", ">X-Ratelimit-Reset", "9", ">Retry-After", "9")
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Limits(c, 1, 3, 2) }, []lie{
		{"one too many", accept("spend", 2)},
		{"one too few", func(s *story) { s.find("spend", 1).Status = 429 }},
		{"refused early", func(s *story) { s.find("spend", 2).End = 0 }},
		{"the same number twice", func(s *story) { s.find("spend", 1).Out["X-Ratelimit-Remaining"] = "1" }},
		{"503", func(s *story) { s.find("spend", 2).Status = 503 }},
		{"without Retry-After", func(s *story) { delete(s.find("spend", 2).Out, "Retry-After") }},
		{"put off, and no other round", putOff("spend", 2)},
		{"two windows, and no other round", func(s *story) { s.find("spend", 2).Out["X-Ratelimit-Reset"] = "10" }},
	})
	again := func() *story {
		s := tell()
		for i := range 2 {
			s.add("spend", "q", 200, ">X-Ratelimit-Remaining", fmt.Sprint(1-i), ">X-Ratelimit-Reset", "9")
		}
		s.add("spend", "q", 200, ">X-Ratelimit-Remaining", "1", ">X-Ratelimit-Reset", "99")
		return s
	}
	if v := Limits(again().calls, 1, 3, 2); v.Broken != 0 {
		t.Errorf("a round of two windows, after a whole one, is found broken: %v", v.Evidence)
	}
	for _, rest := range []func() *story{tell, again} {
		s := rest()
		*s.find("spend", 1) = record.Call{Op: "spend", Of: "r", Status: 500}
		if v := Limits(s.calls, 1, 3, 2); v.Broken == v.Late {
			t.Errorf("a 500 is excused: %v", v.Evidence)
		}
	}
	if v := Limits(again().calls, 1, 3, 1); !strings.Contains(fmt.Sprint(v.Evidence), "2 were admitted in the window until 9, not 1") {
		t.Errorf("not found: one too many in one of two windows: %v", v.Evidence)
	}
}
