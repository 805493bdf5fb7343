package check

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

func TestUnknownKeysFindsWhatIsRefusedUnread(t *testing.T) {
	tell := func() *story {
		s := new(story)
		s.add("unknown", "there", 401)
		s.add("unknown", "late", 401)
		s.add("unknown", "late", 503, ">Retry-After", "1")
		s.add("unknown", "away", 503, ">Retry-After", "1")
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return UnknownKeys(c, 1) }, []lie{
		{"accepted", func(s *story) { s.find("unknown", 0).Status = 200 }},
		{"put off although the database is there", putOff("unknown", 0)},
		{"accepted, late", func(s *story) { s.find("unknown", 1).Status = 200 }},
		{"an error, late", func(s *story) { s.find("unknown", 1).Status = 500 }},
		{"refused unread", func(s *story) { s.find("unknown", 3).Status = 401 }},
		{"without Retry-After", func(s *story) { delete(s.find("unknown", 3).Out, "Retry-After") }},
		{"a queue", func(s *story) { s.find("unknown", 2).End += 23e8 }},
		{"never away", func(s *story) { s.find("unknown", 3).Of = "late" }},
	})
}
