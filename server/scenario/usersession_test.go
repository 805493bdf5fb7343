package scenario_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
)

// TestUserSessionsAreListed checks what is shown of each session, by each kind of minter, that pages
// are complete, and what becomes of a session whose minter is gone.
func TestUserSessionsAreListed(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		admin := m.openDeveloper(t)
		as, d := bearer(admin.access[0]), m.d
		s := m.minters(t, admin)
		s.of["app"].rotate(t, "")
		list := func(o option) map[string]map[string]any {
			t.Helper()
			byMinter := make(map[string]map[string]any)
			for _, item := range d.call(t, "ListUserSessions", args{"user_id": s.user}, o).want(t, 200, "").Body.([]any) {
				u := item.(map[string]any)
				byMinter[u["minted_by"].(string)] = u
			}
			return byMinter
		}
		shown := list(as)
		me := d.call(t, "GetMe", nil, as).want(t, 200, "").str("id")
		for kind, want := range map[string]string{
			"application": s.appID + " App", "key": s.keyID + " Default", "developer": me + " " + m.n.email,
		} {
			u := shown[kind]
			if got := fmt.Sprint(u["minter_id"], " ", u["minter_name"]); got != want || (u["refreshed_at"] != nil) != (kind == "application") ||
				u["ip"] != "127.0.0.1" || u["client"] == "" || u["expires_at"] == nil {
				t.Errorf("the session by a %s is %v", kind, u)
			}
		}
		if len(shown) != 3 {
			t.Errorf("%d sessions are shown", len(shown))
		}
		if u := list(bearer(m.key))["developer"]; u["minter_name"] != nil || u["minter_id"] != me {
			t.Errorf("to a key, the session by a developer is %v", u)
		}

		var ids []string
		for cursor := ""; ; {
			in := args{"user_id": s.user, "limit": 2}
			if cursor != "" {
				in["cursor"] = cursor
			}
			a := d.call(t, "ListUserSessions", in, as).want(t, 200, "")
			for _, item := range a.Body.([]any) {
				ids = append(ids, item.(map[string]any)["id"].(string))
			}
			if cursor = a.Next; cursor == "" {
				break
			}
			other := args{"user_id": s.of["stranger"].user, "cursor": cursor}
			if a := d.call(t, "ListUserSessions", other, as).want(t, 422, "invalid_request"); a.Fields[0] != "cursor" {
				t.Errorf("another user's cursor names %v", a.Fields)
			}
		}
		if len(ids) != 3 || ids[0] == ids[1] || ids[1] == ids[2] || ids[0] == ids[2] {
			t.Errorf("the pages hold %v", ids)
		}

		m.n.exec(t, "UPDATE applications SET name = 'Renamed' WHERE app_id = '"+s.appID+"'")
		m.n.exec(t, "DELETE FROM api_keys WHERE id = '"+s.keyID+"'")
		shown = list(as)
		if shown["application"]["minter_name"] != "Renamed" || shown["key"]["minter_name"] != nil {
			t.Errorf("the minters are %v and %v", shown["application"], shown["key"])
		}
		d.call(t, "ListUserSessions", args{"user_id": s.user, "limit": 101}, as).want(t, 422, "invalid_request")
	})
}

// TestUserSessionEndsOnce checks that a session is ended with its audit row, that it is gone then, and
// that it is ended under its own user alone.
func TestUserSessionEndsOnce(t *testing.T) {
	t.Parallel()
	onEachWithSessions(t, func(t *testing.T, m sessionFactory) {
		d, key := m.d, bearer(m.key)
		one := m.open(t)
		m.clock.advance(time.Second)
		two, stranger := m.openFor(t, one.user), m.open(t)
		newest := func(user string) string {
			t.Helper()
			list := d.call(t, "ListUserSessions", args{"user_id": user}, key).want(t, 200, "").Body.([]any)
			if len(list) == 0 {
				return ""
			}
			return list[0].(map[string]any)["id"].(string)
		}
		id := newest(one.user)
		d.call(t, "RevokeUserSession", args{"user_id": stranger.user, "session_id": id}, key).want(t, 404, "not_found")
		d.call(t, "RevokeUserSession", args{"user_id": uuid.NewString(), "session_id": id}, key).want(t, 404, "not_found")
		two.wantAccepted(t)
		d.call(t, "RevokeUserSession", args{"user_id": one.user, "session_id": id}, key).want(t, 204, "")
		two.wantEnded(t)
		one.wantAccepted(t)
		stranger.wantAccepted(t)
		d.call(t, "RevokeUserSession", args{"user_id": one.user, "session_id": id}, key).want(t, 404, "not_found")
		if rows := m.n.auditRows(t); !hasRow(rows, auditRow{action: "session.revoke", outcome: "ok", subject: "session:" + id}) {
			t.Errorf("there is no audit row of the end of %s: %v", id, rows[len(rows)-1])
		}
		if left := newest(one.user); left == id || left == "" {
			t.Errorf("the newest session is %q", left)
		}
		m.clock.advance(31 * 24 * time.Hour)
		if left := newest(one.user); left != "" {
			t.Errorf("the expired session %s is listed", left)
		}
	})
}

// TestUserSessionEndsOnEveryNode checks that a token which every node has verified moments ago is
// refused by each from the answer on.
func TestUserSessionEndsOnEveryNode(t *testing.T) {
	t.Parallel()
	onEachCluster(t, 2, func(t *testing.T, nodes []*node) {
		d := func(i int) driver { return nodes[i%len(nodes)].drivers()[i%3] }
		admin := bearer(nodes[0].admin(t, d(0)))
		user := d(0).call(t, "CreateUser", args{}, admin).want(t, 201, "").str("id")
		for round := range 10 {
			access := d(round).call(t, "CreateUserToken", args{"user_id": user}, admin).want(t, 200, "").str("access_token")
			for i := range nodes {
				d(i).call(t, "GetUser", args{"id": user}, bearer(access)).want(t, 200, "")
			}
			list := d(round).call(t, "ListUserSessions", args{"user_id": user}, admin).want(t, 200, "").Body.([]any)
			id := list[0].(map[string]any)["id"]
			d(round).call(t, "RevokeUserSession", args{"user_id": user, "session_id": id}, admin).want(t, 204, "")
			for i := range nodes {
				d(i).call(t, "GetUser", args{"id": user}, bearer(access)).want(t, 401, "invalid_token")
			}
		}
	}, unlimited)
}
