package scenario_test

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// TestAKeyMintsNothingAfterItsChange checks that what a change of a key takes away is also
// missed by the tokens that were about to be minted: none is minted after the change.
func TestAKeyMintsNothingAfterItsChange(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited, behindProxy)
	d := n.drivers()[0]
	admin := n.admin(t, d)
	user := n.newUser(t, d, admin)
	for name, c := range map[string]struct {
		change args
		reason string
	}{
		"networks": {args{"allowed_networks": []string{"192.0.2.1"}}, "network_not_allowed"},
		"scopes":   {args{"scopes": []string{"users:read"}}, "insufficient_scope"},
		"enabled":  {args{"enabled": false}, "invalid_api_key"},
	} {
		t.Run(name, func(t *testing.T) {
			for range 5 {
				id, secret := n.newKey(t, d, admin, nil)
				var callers sync.WaitGroup
				for range 16 {
					callers.Go(func() {
						for status := 200; status == 200; {
							a := d.call(t, "CreateUserToken", args{"user_id": user}, bearer(secret), forwardedFor("203.0.113.1"))
							if status = a.Status; status != 200 {
								a.want(t, a.Status, c.reason)
							}
						}
					})
				}
				time.Sleep(30 * time.Millisecond)
				d.call(t, "UpdateKey", withMembers(args{"id": id}, c.change), bearer(admin)).want(t, 200, "")
				if onPostgres() { // whose rows have the time at which their transaction began, not that of its end
					d.call(t, "UpdateKey", args{"id": id, "name": "changed"}, bearer(admin)).want(t, 200, "")
				}
				callers.Wait()
				changed, late := false, 0
				for _, r := range n.auditRows(t) {
					switch {
					case r.action == "key.update" && strings.HasSuffix(r.subject, id):
						changed, late = true, 0
					case changed && r.action == "token.mint" && r.outcome == "ok" && strings.HasSuffix(r.actor, id):
						late++
					}
				}
				if !changed || late > 0 {
					t.Errorf("%d tokens were minted after the change", late)
				}
			}
		})
	}
}

// mintedSession is a session and its minter. The function mint opens another session by the same
// minter; it is nil for a developer's session.
type mintedSession struct {
	*clientSession
	minter string
	mint   func(*testing.T) answer
}

// openByKey opens a session of a new user, minted by the key.
func (m sessionFactory) openByKey(t *testing.T) mintedSession {
	t.Helper()
	c := m.open(t)
	return mintedSession{c, "", func(t *testing.T) answer {
		return m.d.call(t, "CreateUserToken", args{"user_id": c.user}, bearer(m.key))
	}}
}

func (c mintedSession) mintedBy(minter string) mintedSession {
	return mintedSession{c.clientSession, minter, c.mint}
}
