package check

import (
	"fmt"
	"slices"
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// recorded is a recording of lone writes, each with its sync, and of a rotation,
// which is cut; and one image, in which the rotation is not.
func recorded() *story {
	s := new(story)
	s.add("recording", "", 200)
	for i := range 20 {
		id := fmt.Sprint("key_", i)
		c := s.add("create-key", "", 201, "request", "r"+id, ">id", id, ">key", "s"+id)
		c.Client = "writer-8"
		sync := s.add("sync", "openwearables.db-wal", 0)
		sync.Start, sync.End = c.Start+1e5, c.End-1e5
	}
	s.add("sync", "openwearables.db", 0)
	s.add("rotate-key", "key_0", 201, "request", "late", ">key", "fresh")
	cut := s.now + 1e5
	s.add("delete-key", "key_1", 200, "request", "later")
	s.add("image", "", 0, "cut", fmt.Sprint(cut))
	s.add("start", "", 200)
	for i := range 20 {
		id := fmt.Sprint("key_", i)
		s.logged("key.create", "r"+id, "key:"+id)
		s.add("key", "", 0, "id", id)
	}
	s.add("integrity", "", 200)
	s.add("use", "key_0", 200, "bearer", "skey_0")
	s.add("rotate-again", "key_0", 201, ">key", "fresher")
	s.add("use", "key_0", 401, "bearer", "skey_0")
	s.add("use", "key_0", 200, "bearer", "fresher")
	s.add("use", "key_1", 200, "bearer", "skey_1")
	s.add("go-on", "", 200)
	return s
}

func TestPowerLossFindsEveryLie(t *testing.T) {
	drop := func(op string, n int) func(*story) {
		return func(s *story) {
			c := s.find(op, n)
			s.calls = slices.DeleteFunc(s.calls, func(o record.Call) bool { return o.Start == c.Start && o.Op == op })
		}
	}
	catches(t, recorded, func(c []record.Call) Verdict { return PowerLoss(c, 1, 20) }, []lie{
		{"an acknowledged key is lost", func(s *story) { drop("key", 3)(s); drop("audit", 3)(s) }},
		{"its row is lost", drop("key", 3)},
		{"its audit row is lost", drop("audit", 3)},
		{"a key is refused", refuse("use", 3, "")},
		{"half a rotation", accept("use", 1)},
		{"an acknowledged rotation is undone", func(s *story) {
			s.find("image", 0).Args["cut"] = fmt.Sprint(s.find("rotate-key", 0).End)
		}},
		{"a node does not start", func(s *story) { s.find("start", 0).Status = 0 }},
		{"damage", func(s *story) { s.find("integrity", 0).Status = 0 }},
		{"a session is over", refuse("go-on", 0, "")},
		{"no sync", drop("sync", 7)},
		{"a sync too late", func(s *story) { s.find("sync", 7).End = s.find("create-key", 7).End + 1 }},
		{"a sync too early", func(s *story) { s.find("sync", 7).Start = s.find("create-key", 7).Start - 1 }},
		{"a sync of another file", func(s *story) { s.find("sync", 7).Of = "openwearables.db" }},
		{"no checkpoint", drop("sync", 20)},
		{"no image", drop("image", 0)},
	})
}
