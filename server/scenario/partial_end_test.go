package scenario_test

import (
	"strings"
	"testing"
	"time"
)

// TestFailedEndForgetsWhatItEnded checks that a key is refused once its deletion took effect, even if
// the end of the many tokens that it minted failed afterwards, so that the deletion did not succeed.
func TestFailedEndForgetsWhatItEnded(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	user := n.newUser(t, d, admin)
	id, key := n.newKey(t, d, admin, nil)
	d.call(t, "GetUser", args{"id": user}, bearer(key)).want(t, 200, "") // and is cached
	ends := time.Now().Add(time.Hour).UnixMicro()
	n.exec(t, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 501)"+
		" INSERT INTO sessions (id, user_id, app_id, seed, generation, rotated_at, created_at, last_used_at, expires_at, ends_at)"+
		" SELECT 'many-' || CAST(i AS TEXT), $1, $2, $3, 1, 1, 1, 1, $4, $5 FROM n", user, "key:"+id, []byte{1}, ends, ends)
	if strings.HasPrefix(n.dsn, "sqlite:") {
		n.exec(t, "CREATE TRIGGER failing BEFORE UPDATE ON endings BEGIN SELECT RAISE(ABORT, 'no'); END")
	} else {
		n.exec(t, "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$")
		n.exec(t, "CREATE TRIGGER failing BEFORE UPDATE ON endings FOR EACH ROW EXECUTE FUNCTION fail()")
	}
	if a := d.call(t, "DeleteKey", args{"id": id}, bearer(admin)); a.Status < 500 {
		t.Fatalf("the deletion is answered %d %s", a.Status, a.Reason)
	}
	d.call(t, "GetUser", args{"id": user}, bearer(key)).want(t, 401, "invalid_api_key")
}
