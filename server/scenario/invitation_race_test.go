package scenario_test

import (
	"crypto/rand"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/openwearables/openwearables/server"
)

// manyHashes lets enough passwords be hashed at once for the contenders of a test.
func manyHashes(c *server.Config) { c.HashConcurrency = 10 }

// acceptAtOnce lets contenders accept one invitation, and checks that one becomes a developer.
func acceptAtOnce(t *testing.T, drivers []driver, token string) {
	t.Helper()
	var joined, late atomic.Int64
	concurrently(9, func(i int) {
		switch a := drivers[i%len(drivers)].call(t, "AcceptInvitation", acceptance(token)); {
		case a.Status == 201:
			joined.Add(1)
		case a.Status == 400 && a.Reason == "invitation_accepted":
			late.Add(1)
		default:
			t.Errorf("answer %d %s", a.Status, a.Reason)
		}
	})
	if joined.Load() != 1 || late.Load() != 8 {
		t.Errorf("%d joined, %d were late", joined.Load(), late.Load())
	}
}

// TestInvitationHasOneWinner checks that one of many contenders becomes a developer, and that one of
// many invitations of an email is made.
func TestInvitationHasOneWinner(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, manyHashes)
	access, _ := n.login(t, n.drivers()[0])
	acceptAtOnce(t, n.drivers(), n.invite(t, n.drivers()[0], access).str("token"))
	inviteAtOnce(t, n.drivers(), access)
}

func inviteAtOnce(t *testing.T, drivers []driver, access string) {
	t.Helper()
	email := someEmail()
	var made, late atomic.Int64
	concurrently(12, func(i int) {
		switch a := drivers[i%len(drivers)].call(t, "CreateInvitation", args{"email": email}, bearer(access)); {
		case a.Status == 201:
			made.Add(1)
		case a.Status == 400 && a.Reason == "invitation_pending":
			late.Add(1)
		default:
			t.Errorf("answer %d %s", a.Status, a.Reason)
		}
	})
	if made.Load() != 1 || late.Load() != 11 {
		t.Errorf("%d were made, %d were late", made.Load(), late.Load())
	}
}

// TestInvitationsOfTwoNodes makes an invitation on one node and ends it on the other.
func TestInvitationsOfTwoNodes(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2, unlimited, manyHashes)
	a, b := nodes[0].drivers()[0], nodes[1].drivers()[1]
	access, _ := nodes[0].login(t, a)
	made := nodes[0].invite(t, a, access)
	if listed := invited(t, b, access, made.str("id")); listed == nil || listed["token"] != made.str("token") {
		t.Fatalf("another node lists %v", listed)
	}
	again := b.call(t, "ResendInvitation", args{"id": made.str("id")}, bearer(access)).want(t, 200, "")
	a.call(t, "AcceptInvitation", acceptance(made.str("token"))).want(t, 404, "not_found")
	acceptAtOnce(t, []driver{a, b}, again.str("token"))
	inviteAtOnce(t, []driver{a, b}, access)
	id, _, theirs := nodes[1].join(t, b)
	a.call(t, "GetMe", nil, bearer(theirs)).want(t, 200, "")
	a.call(t, "DeleteDeveloper", args{"id": id}, bearer(access)).want(t, 200, "")
	b.call(t, "GetMe", nil, bearer(theirs)).want(t, 401, "invalid_token")
}

// TestInvitationOutlivesARestart checks that the same secret derives the same token.
func TestInvitationOutlivesARestart(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	access, _ := n.login(t, n.drivers()[0])
	made := n.invite(t, n.drivers()[0], access)
	again := n.drivers()[0].call(t, "ResendInvitation", args{"id": made.str("id")}, bearer(access)).want(t, 200, "")
	n.stop()
	n.boot(t, unlimited)
	d := n.drivers()[1]
	if listed := invited(t, d, access, made.str("id")); listed == nil || listed["token"] != again.str("token") {
		t.Fatalf("after a restart the list has %v", listed)
	}
	d.call(t, "AcceptInvitation", acceptance(made.str("token"))).want(t, 404, "not_found")
	d.call(t, "AcceptInvitation", acceptance(again.str("token"))).want(t, 201, "")
}

// TestRetriedInvitation loses the first answers to an invitation and to its acceptance. A repetition
// of an acceptance with its key succeeds, with another password it is refused and counts as a guess.
func TestRetriedInvitation(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		key := idempotent("retried-" + rand.Text())
		in := args{"email": someEmail()}
		made := d.call(t, "CreateInvitation", in, bearer(access), key).want(t, 201, "")
		repeated := d.call(t, "CreateInvitation", in, bearer(access), key).want(t, 201, "")
		sameAnswer(t, "an invitation", made, repeated)
		if repeated.Header.Get("Idempotent-Replayed") != "true" {
			t.Error("a retry is not marked as one")
		}
		d.call(t, "CreateInvitation", args{"email": someEmail()}, bearer(access), key).want(t, 422, "idempotency_key_reused")

		accept := acceptance(made.str("token"))
		joined := d.call(t, "AcceptInvitation", accept, key).want(t, 201, "")
		sameAnswer(t, "an acceptance", joined, d.call(t, "AcceptInvitation", accept, key).want(t, 201, ""))
		read := d.call(t, "GetDeveloper", args{"id": joined.str("id")}, bearer(access)).want(t, 200, "")
		read.Status = joined.Status
		sameAnswer(t, "its developer", joined, read)
		if n.countEffects(t, "invitation.accept") != 1 || n.countEffects(t, "developer.create") != 2 {
			t.Error("a retry took effect")
		}
		d.call(t, "AcceptInvitation", accept).want(t, 400, "invitation_accepted")
		other := withMembers(accept, args{"last_name": "Murray"})
		d.call(t, "AcceptInvitation", other, key).want(t, 422, "idempotency_key_reused")
		guess := withMembers(accept, args{"password": passphrase()})
		for range 10 {
			d.call(t, "AcceptInvitation", guess, key).want(t, 422, "idempotency_key_reused")
		}
		d.call(t, "AcceptInvitation", accept, key).want(t, 429, "rate_limited")
	})
}

// TestInvitationsAreBounded checks the quota of pending invitations.
func TestInvitationsAreBounded(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		var last answer
		for range 100 {
			last = n.invite(t, d, access)
		}
		d.call(t, "CreateInvitation", args{"email": someEmail()}, bearer(access)).want(t, 403, "quota_exceeded")
		d.call(t, "ResendInvitation", args{"id": last.str("id")}, bearer(access)).want(t, 200, "")
		d.call(t, "RevokeInvitation", args{"id": last.str("id")}, bearer(access)).want(t, 200, "")
		n.invite(t, d, access)
	}, unlimited)
}

// TestAcceptancesAreLimitedByAddress checks that acceptances and logins share the limit of an
// address.
func TestAcceptancesAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		for i := range 5 {
			d.call(t, "AcceptInvitation", acceptance(fmt.Sprint("unknown", i))).want(t, 404, "not_found")
		}
		d.call(t, "AcceptInvitation", acceptance("unknown")).want(t, 429, "rate_limited")
		d.call(t, "Login", args{"email": n.email, "password": n.password}).want(t, 429, "rate_limited")
	}, func(c *server.Config) { c.Auth.Limits.Login.Limit = 5 })
}
