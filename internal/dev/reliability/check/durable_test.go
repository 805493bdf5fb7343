package check

import (
	"testing"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// written adds an effect and its audit row.
func (s *story) written(action, op, of, request, subject string, more ...string) {
	s.add(op, of, 200, append(more, "request", request)...)
	s.logged(action, request, subject)
}

func (s *story) logged(action, request, subject string) {
	s.add("audit", "", 0, "id", "row-"+request, "request", request, "action", action, "outcome", "ok", "subject", subject)
}

// life is one cycle in which what was acknowledged is there, a rotation and an
// update were not answered and are there, a refresh and a deletion were not and
// are not.
func life() *story {
	s := new(story)
	for range 20 {
		s.add("death", "", 200)
	}
	s.written("key.create", "create-key", "", "r1", "key:key_1", ">id", "key_1", ">key", "k1")
	s.add("key", "", 0, "id", "key_1")
	s.written("key.create", "create-key", "", "r2", "key:key_2", ">id", "key_2", ">key", "k2")
	s.add("key", "", 0, "id", "key_2")
	s.add("rotate-key", "key_1", 0, "request", "r3")
	s.logged("key.rotate", "r3", "key:key_1")
	s.add("delete-key", "key_2", 0, "request", "r4")
	s.add("refresh", "chain:a", 0, "request", "r5")
	s.written("user.update", "patch", "user:a", "r6", "user:a", "value", "v1")
	s.add("patch", "user:a", 0, "request", "r7", "value", "v2")
	s.logged("user.update", "r7", "user:a")
	s.written("token.mint", "mint", "token:a", "r8", "user:a")
	s.add("sessions", "", 0, "user", "a", "count", "1")
	s.written("session.revoke", "revoke", "token:a", "r9", "session:a")

	s.add("use", "key_1", 401, "bearer", "k1")
	s.add("rotate-again", "key_1", 201, ">key", "k3", ">Idempotent-Replayed", "true")
	s.add("use", "key_1", 401, "bearer", "k1")
	s.add("use", "key_1", 200, "bearer", "k3")
	s.add("use", "key_2", 200, "bearer", "k2")
	s.add("refresh-again", "chain:a", 200)
	s.add("access", "chain:a", 200)
	s.add("read", "user:a", 200, ">first_name", "v2", ">last_name", "v2")
	s.add("access", "token:a", 401)
	s.add("try", "token:a", 401)
	return s
}

func TestDurableFindsEveryLie(t *testing.T) {
	drop := func(op string, n int) func(*story) {
		return func(s *story) { s.find(op, n).Op = "" }
	}
	catches(t, life, func(c []record.Call) Verdict {
		v := Durable(c, 0)
		return v
	}, []lie{
		{"an acknowledged write without an audit row", drop("audit", 0)},
		{"a key without a row", drop("key", 0)},
		{"a key without an audit row", func(s *story) { s.find("audit", 1).Args["subject"] = "key:other" }},
		{"an unanswered rotation without an audit row", drop("audit", 2)},
		{"both secrets are valid", accept("use", 1)},
		{"no secret is valid", refuse("use", 2, "")},
		{"the old secret is valid and the rotation is there", accept("use", 0)},
		{"the rotation was done twice", func(s *story) { delete(s.find("rotate-again", 0).Out, "Idempotent-Replayed") }},
		{"a deletion without an audit row", refuse("use", 3, "")},
		{"a refresh is there without its audit row", func(s *story) { s.find("refresh-again", 0).Out["Idempotent-Replayed"] = "true" }},
		{"the chain is broken", refuse("refresh-again", 0, "")},
		{"the chain's token is dead", refuse("access", 0, "")},
		{"an older value", func(s *story) {
			s.find("read", 0).Out["first_name"], s.find("read", 0).Out["last_name"] = "v0", "v0"
		}},
		{"half an update", func(s *story) { s.find("read", 0).Out["last_name"] = "v1" }},
		{"an update without an audit row", drop("audit", 4)},
		{"an audit row without an update", func(s *story) {
			s.find("read", 0).Out["first_name"], s.find("read", 0).Out["last_name"] = "v1", "v1"
		}},
		{"a revoked access token works", accept("access", 1)},
		{"a revoked session works", func(s *story) { accept("access", 1)(s); accept("try", 0)(s) }},
		{"two audit rows", func(s *story) {
			s.add("audit", "", 0, "id", "again", "request", "r9", "action", "session.revoke", "outcome", "ok", "subject", "session:a")
		}},
		{"a session without an audit row", func(s *story) { s.find("sessions", 0).Args["count"] = "2" }},
		{"an audit row without a session", drop("sessions", 0)},
		{"damage", func(s *story) { s.add("integrity", "", 0) }},
		{"500", func(s *story) { s.find("delete-key", 0).Status = 500 }},
	})
}

// The sessions of a user who was deleted are gone, and their mints are not.
func TestDurableKnowsOfDeletedUsers(t *testing.T) {
	tell := func() *story {
		s := life()
		s.logged("token.mint", "r20", "user:b")
		s.logged("user.delete", "r21", "user:b")
		return s
	}
	catches(t, tell, func(c []record.Call) Verdict { return Durable(c, 0) }, []lie{
		{"the user was not deleted", func(s *story) { s.find("audit", 8).Args["outcome"] = "denied" }},
	})
}
