package check

import (
	"fmt"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// counting tells of 200 calls of one key, of which half are refused, and of a node
// that died long after.
func counting() *story {
	s := new(story)
	for i := range 200 {
		operation, status := "GetUser", 200
		if i%2 == 1 {
			operation, status = "ListKeys", 403
		}
		s.add("counted", "a", status, "operation", operation)
	}
	s.now += 10e9
	s.add("death", "", 200)
	s.add("drain", "", 200)
	for resolution := range 3 {
		s.add("row", "", 0, "subject", "key:a", "resolution", fmt.Sprint(resolution), "operation", "GetUser", "requests", "100", "refused", "0")
		s.add("row", "", 0, "subject", "key:a", "resolution", fmt.Sprint(resolution), "operation", "ListKeys", "requests", "100", "refused", "100")
	}
	s.add("day", "", 0, "subject", "key:a", "requests", "200", "refused", "100")
	s.add("report", "a", 0, "requests", "200", "refused", "100")
	return s
}

func TestUsageFindsWhatIsMiscounted(t *testing.T) {
	check := func(c []record.Call) Verdict { return Usage(c, 1, 1) }
	catches(t, counting, check, []lie{
		{"one call twice", func(s *story) { s.find("row", 0).Args["requests"] = "101" }},
		{"one call never", func(s *story) { s.find("row", 2).Args["requests"] = "99" }},
		{"one refusal never", func(s *story) { s.find("row", 1).Args["refused"] = "99" }},
		{"a success as a refusal", func(s *story) { s.find("row", 0).Args["refused"] = "1" }},
		{"no row", func(s *story) { s.find("row", 3).Op = "x" }},
		{"the account's day", func(s *story) { s.find("day", 0).Args["requests"] = "199" }},
		{"a node's report", func(s *story) { s.find("report", 0).Args["refused"] = "101" }},
		{"no report", func(s *story) { s.find("report", 0).Op = "x" }},
		{"no day", func(s *story) { s.find("day", 0).Op = "x" }},
		{"no drain", func(s *story) { s.find("drain", 0).Op = "x" }},
		{"no kill", func(s *story) { s.find("death", 0).Op = "x" }},
		{"no calls", func(s *story) { s.calls = s.calls[200:] }},
		{"an unanswered call twice", func(s *story) { s.find("counted", 0).Status = 0; s.find("row", 0).Args["requests"] = "101" }},
	})
}

// What a killed node answered in its last second may be missing, and nothing else.
func TestUsageAllowsTheLastSecond(t *testing.T) {
	tell := func() *story {
		s := counting()
		death := s.find("death", 0)
		last := s.find("counted", 198) // GetUser
		last.Start, last.End = death.Start-1e9, death.Start-9e8
		s.find("counted", 0).Status = 0 // open, and not counted
		for i := range 3 {
			s.find("row", 2*i).Args["requests"] = "98"
		}
		s.find("day", 0).Args["requests"], s.find("report", 0).Args["requests"] = "198", "198"
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Usage(c, 1, 1) }, []lie{
		{"of another node", func(s *story) { s.find("death", 0).Node = 1 }},
		{"one more", func(s *story) { s.find("row", 0).Args["requests"] = "97" }},
		{"longer ago", func(s *story) { c := s.find("counted", 198); c.Start, c.End = c.Start-1e9, c.End-1e9 }},
		{"after the death", func(s *story) { c := s.find("counted", 198); c.Start, c.End = c.Start+3e9, c.End+3e9 }},
	})
}
