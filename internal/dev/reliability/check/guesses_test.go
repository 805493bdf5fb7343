package check

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// guessed tells of guesses of which the first were compared.
func guessed(compared, of int) func() *story {
	return func() *story {
		s := new(story)
		s.add("rows", "a", 0, "rows", "5")
		for i := range of {
			status := 429
			if i < compared {
				status = 401
			}
			s.add("guess", "a", status)
		}
		return s
	}
}

func TestGuessesFindsOneTooMany(t *testing.T) {
	catches(t, guessed(10, 12), func(c []record.Call) Verdict { return Guesses(c, 1, 10) }, []lie{
		{"one too many", func(s *story) { s.find("guess", 10).Status = 401 }},
		{"none compared", func(s *story) { *s = *guessed(0, 12)() }},
		{"an error", func(s *story) { s.find("guess", 11).Status = 500 }},
		{"too few", func(s *story) { *s = *guessed(10, 10)() }},
		{"no account", func(s *story) { s.calls = nil }},
	})
}

func TestTracesFindsWhoLeavesWithoutOne(t *testing.T) {
	catches(t, guessed(2, 12), func(c []record.Call) Verdict { return Traces(c, 1, 10) }, []lie{
		{"no row", func(s *story) { s.find("rows", 0).Args["rows"] = "0" }},
		{"few rows", func(s *story) { s.find("rows", 0).Args["rows"] = "4" }},
		{"no count", func(s *story) { *s = *guessed(10, 12)() }},
		{"more than the limit", func(s *story) { *s = *guessed(11, 12)() }},
		{"no look at the trail", func(s *story) { s.find("rows", 0).Op = "x" }},
		{"an error", func(s *story) { s.find("guess", 11).Status = 500 }},
	})
}
