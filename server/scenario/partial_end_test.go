package scenario_test

import (
	"strings"
	"testing"
	"time"
)

// TestFailedEndForgetsWhatItEnded checks that a credential is refused once its end took effect, even if
// the end of the many tokens that it minted failed afterwards, so that the call did not succeed.
func TestFailedEndForgetsWhatItEnded(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	id, key := n.newKey(t, d, admin, nil)
	doomed, refresh := n.login(t, d)
	reused, stolen := n.login(t, d)
	next := d.call(t, "RefreshToken", args{"refresh_token": stolen}).want(t, 200, "").str("access_token")
	n.clock.advance(time.Minute)
	for _, credential := range []string{key, doomed, reused, next} { // which are cached
		d.call(t, "GetUser", args{"id": user}, bearer(credential)).want(t, 200, "")
	}
	ends := n.clock.now().Add(time.Hour).UnixMicro()
	n.exec(t, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501)"+
		" INSERT INTO sessions (id, user_id, app_id, minted_by, seed, generation, rotated_at, created_at, last_used_at, expires_at, ends_at)"+
		" SELECT s.id || '-' || CAST(i AS TEXT), CAST($1 AS TEXT), CAST($2 AS TEXT), s.id, $3, 1, 1, 1, 1, $4, $5 FROM n, sessions s WHERE developer_id IS NOT NULL",
		user, "key:"+id, []byte{1}, ends, ends)
	if strings.HasPrefix(n.dsn, "sqlite:") {
		n.exec(t, "CREATE TRIGGER failing BEFORE UPDATE ON endings BEGIN SELECT RAISE(ABORT, 'no'); END")
	} else {
		n.exec(t, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
		n.exec(t, "CREATE TRIGGER failing BEFORE UPDATE ON endings FOR EACH ROW EXECUTE FUNCTION fail()")
	}
	for _, c := range []struct {
		operation string
		in        args
		by        []option
	}{
		{"RevokeToken", args{"refresh_token": refresh}, nil},
		{"RefreshToken", args{"refresh_token": stolen}, nil},
		{"DeleteKey", args{"id": id}, []option{bearer(admin)}}, // which minted all
	} {
		if a := d.call(t, c.operation, c.in, c.by...); a.Status < 500 {
			t.Errorf("%s is answered %d %s", c.operation, a.Status, a.Reason)
		}
	}
	for what, credential := range map[string]string{"key": key, "session": doomed, "reused session": reused, "its next token": next} {
		if a := d.call(t, "GetUser", args{"id": user}, bearer(credential)); a.Status != 401 {
			t.Errorf("the %s is answered %d %s", what, a.Status, a.Reason)
		}
	}
}
