package check

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// switched is one promotion in which nothing that was acknowledged is lost.
func switched() *story {
	s := new(story)
	s.add("mint", "family-0", 200, ">refresh_token", "t1")
	s.add("refresh", "family-0", 200, "refresh_token", "t1", "idempotency", "k1", ">refresh_token", "t2")
	s.add("use", "key-delete-0", 200)
	s.add("end", "key-delete-0", 204)
	s.add("death", "", 200)
	s.add("refresh", "family-0", 503, "refresh_token", "t2", "idempotency", "k2", ">Retry-After", "1") // and done
	s.add("start", "", 200)
	s.add("recovered", "", 200)
	s.add("refresh", "family-0", 200, "refresh_token", "t2", "idempotency", "k2", ">refresh_token", "t3")
	s.add("refresh", "family-0", 200, "refresh_token", "t3", "idempotency", "k3", ">refresh_token", "t4")
	s.add("refresh", "family-0", 503, "refresh_token", "t1", ">Retry-After", "1")
	s.add("refresh", "family-0", 401, "refresh_token", "t4", "idempotency", "k4", "reason", "invalid_refresh_token") // after that
	s.add("use", "key-delete-0", 401)
	for i := range 3 {
		name := string(rune('1' + i))
		s.add("mint", "family-"+name, 200, ">refresh_token", "u"+name)
		s.add("refresh", "family-"+name, 200, "refresh_token", "u"+name, ">refresh_token", "v"+name)
	}
	for i := range 10 {
		name := string(rune('0' + i))
		s.written("user.update", "patch", "user:a", "r"+name, "user:a", "value", name)
	}
	for i := range s.calls {
		switch s.calls[i].Op {
		case "death", "start", "recovered":
			s.calls[i].Client = "harness"
		case "audit":
			s.calls[i].Client = "tables"
		}
	}
	return s
}

func TestPromotionsFindsEveryLie(t *testing.T) {
	catches(t, switched, func(c []record.Call) Verdict { return Promotions(c, 1, 1, 1) }, []lie{
		{"an acknowledged write is lost", func(s *story) { s.find("audit", 3).Op = "" }},
		{"an acknowledged refresh is lost", refuse("refresh", 2, "refresh_token_reused")},
		{"what a 503 left is of no use", refuse("refresh", 3, "refresh_token_used")},
		{"a session ends by itself", func(s *story) { refuse("refresh", 3, "invalid_refresh_token")(s) }},
		{"two successors", accept("refresh", 2, "refresh_token", "t2")},
		{"accepted after its end", accept("use", 1)},
		{"503 without Retry-After", func(s *story) { delete(s.find("refresh", 1).Out, "Retry-After") }},
		{"no answer", func(s *story) { s.find("use", 0).Status = 0 }},
		{"500", func(s *story) { s.find("use", 1).Status = 500 }},
		{"a hang", func(s *story) { s.find("use", 1).End += 3e9 }},
		{"a late recovery", func(s *story) { s.find("recovered", 0).End += 11e9 }},
		{"no recovery", func(s *story) { s.find("recovered", 0).Op = "" }},
		{"no death", func(s *story) { s.find("death", 0).Op = "" }},
	})
	s := switched()
	s.find("recovered", 0).End += 11e9
	s.add("stall", "", 200).Client = "harness"
	s.find("stall", 0).Start = s.find("death", 0).Start
	s.find("stall", 0).End = s.find("recovered", 0).End
	if v := Promotions(s.calls, 1, 1, 1); v.Broken != 0 {
		t.Errorf("a standstill is not excused: %v", v.Evidence)
	}
}

// left is a promotion that lost the last acknowledged write of each of two writers.
func left() *story {
	s := new(story)
	for i := range 12 {
		s.written("user.update", "patch", "user:a", "writer-0-"+string(rune('a'+i)), "user:a")
	}
	s.written("token.mint", "mint", "token:b", "writer-1-a", "user:b")
	s.add("sessions", "", 0, "user", "b", "count", "1")
	s.add("part", "", 200)
	s.add("patch", "user:a", 200, "request", "writer-0-z")
	s.add("revoke", "token:b", 204, "request", "writer-1-b")
	s.add("death", "", 200)
	s.add("patch", "user:a", 503, "request", "writer-0-zz", ">Retry-After", "1")
	s.add("recovered", "", 200)
	s.written("key.create", "create-key", "", "writer-0-zzz", "key:key_1", ">id", "key_1")
	s.add("key", "", 0, "id", "key_1")
	s.add("access", "token:b", 200)
	for i := range s.calls {
		c := &s.calls[i]
		if n := len("writer-0"); len(c.Args["request"]) > n && c.Op != "audit" {
			c.Client = c.Args["request"][:n]
		}
		switch c.Op {
		case "part", "death", "recovered":
			c.Client = "harness"
		case "audit", "sessions", "key":
			c.Client = "tables"
		}
	}
	return s
}

func TestPromotionBehindFindsEveryLie(t *testing.T) {
	catches(t, left, func(c []record.Call) Verdict { return PromotionBehind(c, 1) }, []lie{
		{"an early write is lost, and later ones are not", func(s *story) { s.find("audit", 2).Op = "" }},
		{"an unanswered one is there after one that is lost", func(s *story) {
			s.find("patch", 13).Start = s.find("death", 0).Start - 1
			s.logged("user.update", "writer-0-zz", "user:a")
		}},
		{"a new one is lost", func(s *story) { s.find("audit", 13).Op, s.find("key", 0).Op = "", "" }},
		{"it was acknowledged long before", func(s *story) { s.find("patch", 12).Start -= 2e9; s.find("patch", 12).End -= 2e9 }},
		{"nothing is lost", func(s *story) {
			s.logged("user.update", "writer-0-z", "user:a")
			s.logged("session.revoke", "writer-1-b", "x")
		}},
		{"a revocation that is there has no effect", func(s *story) { s.logged("session.revoke", "writer-1-b", "x") }},
		{"a session without its audit row", func(s *story) { s.find("sessions", 0).Args["count"] = "2" }},
		{"500", func(s *story) { s.find("access", 0).Status = 500 }},
		{"a late recovery", func(s *story) { s.find("recovered", 0).End += 11e9 }},
		{"damage", func(s *story) { s.add("integrity", "", 0) }},
	})
}
