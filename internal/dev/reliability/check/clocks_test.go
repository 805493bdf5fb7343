package check

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

func TestClocksFindsEveryWrongAnswer(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("valid", "19s", 200)
		s.add("ended", "19s", 401)
		s.add("ready", "19s", 200)
		s.add("unready", "50s", 503)
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Clocks(c, 1) }, []lie{
		{"refuses what is valid", func(s *story) { s.find("valid", 0).Status = 401 }},
		{"accepts what has ended", func(s *story) { s.find("ended", 0).Status = 200 }},
		{"is not ready", func(s *story) { s.find("ready", 0).Status = 503 }},
		{"is ready", func(s *story) { s.find("unready", 0).Status = 200 }},
		{"all valid uses are late", func(s *story) { s.find("valid", 0).Args["until"] = "1" }},
		{"nothing ended", func(s *story) { s.find("ended", 0).Op = "x" }},
	})
}
