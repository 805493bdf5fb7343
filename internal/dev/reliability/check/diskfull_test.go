package check

import (
	"fmt"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// filled is a time without room in which writes are refused, and the time after
// it.
func filled() *story {
	s := new(story)
	write := func(i int) {
		id, request := fmt.Sprint("key_", i), fmt.Sprint("r", i)
		s.written("key.create", "create-key", "", request, "key:"+id, ">id", id, ">key", "s"+id)
		s.add("key", "", 0, "id", id)
	}
	write(0)
	s.add("fault", "full-0", 200)
	for i := range 50 {
		s.add("right", "full-0", 200)
		s.add("wrong", "full-0", 401)
		s.add("livez", "full-0", 200)
		request := fmt.Sprint("refused", i)
		s.add("create-key", "", 503, "request", request, ">Retry-After", "1")
		s.add("told", request, 0, "detail", "no")
	}
	s.add("heal", "full-0", 200)
	s.now += int64(recovered)
	for i := range 10 {
		write(1 + i)
	}
	s.add("use", "key_0", 200, "bearer", "skey_0")
	s.add("integrity", "", 200)
	return s
}

func TestDiskFullFindsEveryLie(t *testing.T) {
	status := func(op string, n, status int) func(*story) {
		return func(s *story) { s.find(op, n).Status = status }
	}
	catches(t, filled, func(c []record.Call) Verdict { return DiskFull(c, 1) }, []lie{
		{"500", status("create-key", 7, 500)},
		{"no answer", status("create-key", 7, 0)},
		{"no Retry-After", func(s *story) { delete(s.find("create-key", 7).Out, "Retry-After") }},
		{"no detail", func(s *story) { s.find("told", 7).Args["detail"] = "" }},
		{"a slow answer", func(s *story) { s.find("create-key", 7).End += 3e9 }},
		{"a read is refused", status("right", 7, 503)},
		{"a slow read", func(s *story) { s.find("right", 7).End += 3e9 }},
		{"an ended key is accepted", status("wrong", 7, 200)},
		{"not alive", status("livez", 7, 503)},
		{"a write is refused before", status("create-key", 0, 503)},
		{"a write is refused long after", func(s *story) {
			c := s.find("create-key", 55)
			c.Status, c.Out["Retry-After"] = 503, "1"
		}},
		{"an acknowledged write is lost", func(s *story) { s.find("key", 3).Op = ""; s.find("audit", 3).Op = "" }},
		{"a refused write is half there", func(s *story) { s.add("key", "", 0, "id", "key_half") }},
		{"damage", func(s *story) { s.find("integrity", 0).Status = 0 }},
		{"a key is refused", refuse("use", 0, "")},
		{"it does not end", func(s *story) { s.find("heal", 0).Op = "" }},
		{"no time without room", func(s *story) { s.find("fault", 0).Op = "" }},
	})
}
