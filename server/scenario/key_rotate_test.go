package scenario_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestRotateWithoutOverlap checks that the old secret stops and the new one works as soon as the
// rotation has answered. The rest of the key stays the same.
func TestRotateWithoutOverlap(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		made := d.call(t, "CreateKey", args{"name": "Server", "environment": "test", "scopes": []string{"users:read"}}, bearer(admin)).want(t, 201, "")
		id, old := made.str("id"), made.str("key")
		d.call(t, "ListUsers", nil, bearer(old)).want(t, 200, "")
		used := d.call(t, "GetKey", args{"id": id}, bearer(admin)).str("last_used_at")
		n.clock.advance(time.Minute)

		rotated := d.call(t, "RotateKey", args{"id": id}, bearer(admin)).want(t, 201, "")
		for _, member := range []string{"id", "name", "environment", "created_at", "created_by"} {
			if rotated.str(member) != made.str(member) {
				t.Errorf("%s was %q and is %q", member, made.str(member), rotated.str(member))
			}
		}
		fresh := rotated.str("key")
		if fresh == old || !strings.HasPrefix(fresh, "ow_test_") || rotated.str("key_prefix") != fresh[:12] ||
			rotated.str("last_used_at") != used || rotated.str("previous_expires_at") != "" {
			t.Errorf("rotated %v", rotated.Body)
		}
		d.call(t, "ListUsers", nil, bearer(old)).want(t, 401, "invalid_api_key")
		if h := d.call(t, "ListUsers", nil, bearer(fresh)).want(t, 200, "").Header; h.Get("Deprecation")+h.Get("Sunset") != "" {
			t.Errorf("the newest secret is called deprecated: %v", h)
		}
		d.call(t, "CreateUser", args{}, bearer(fresh)).want(t, 403, "insufficient_scope")
	}, unlimited)
}

// TestRotateWithOverlap checks that during the overlap both secrets work, as one key.
func TestRotateWithOverlap(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		id, first := n.newKey(t, d, admin, nil)
		d.call(t, "ListUsers", nil, bearer(first)).want(t, 200, "")
		n.clock.advance(10 * time.Minute)

		before := n.clock.now()
		rotated := d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "")
		second, end := rotated.str("key"), rotated.timeOf(t, "previous_expires_at")
		if end.Before(before.Add(600*time.Second).Truncate(time.Microsecond)) || end.After(n.clock.now().Add(600*time.Second)) {
			t.Errorf("previous_expires_at is %v, %v after the call began", end, end.Sub(before))
		}
		if got := d.call(t, "GetKey", args{"id": id}, bearer(admin)).timeOf(t, "previous_expires_at"); !got.Equal(end) {
			t.Errorf("previous_expires_at reads back as %v, want %v", got, end)
		}
		older := d.call(t, "ListUsers", nil, bearer(first)).want(t, 200, "")
		newer := d.call(t, "ListUsers", nil, bearer(second)).want(t, 200, "")
		since, err := strconv.ParseInt(strings.TrimPrefix(older.Header.Get("Deprecation"), "@"), 10, 64)
		if err != nil || time.Unix(since, 0).Sub(before).Abs() > time.Minute {
			t.Errorf("Deprecation is %q", older.Header.Get("Deprecation"))
		}
		if sunset, err := http.ParseTime(older.Header.Get("Sunset")); err != nil || !sunset.Equal(end.Truncate(time.Second)) {
			t.Errorf("Sunset is %q, the secret ends at %v", older.Header.Get("Sunset"), end)
		}
		if newer.Header.Get("Deprecation")+newer.Header.Get("Sunset") != "" {
			t.Error("the newest secret is called deprecated")
		}
		refused := d.call(t, "GetUser", args{"id": id}, bearer(first)).want(t, 422, "invalid_request")
		if refused.Header.Get("Deprecation") == "" || refused.Header.Get("Sunset") == "" {
			t.Error("a refusal to the older secret says nothing of its end")
		}
		wantOneSpent(t, older, newer)

		n.clock.advance(5 * time.Minute)
		d.call(t, "ListUsers", nil, bearer(first)).want(t, 200, "")
		used := d.call(t, "GetKey", args{"id": id}, bearer(admin)).timeOf(t, "last_used_at")
		if since := n.clock.now().Sub(used); since > time.Minute {
			t.Errorf("a use by the older secret does not count: last_used_at is %v ago", since)
		}

		third := d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "").str("key")
		d.call(t, "ListUsers", nil, bearer(first)).want(t, 401, "invalid_api_key")
		d.call(t, "ListUsers", nil, bearer(second)).want(t, 200, "")
		n.clock.advance(600*time.Second - 2*time.Second)
		d.call(t, "ListUsers", nil, bearer(second)).want(t, 200, "")
		n.clock.advance(2 * time.Second)
		d.call(t, "ListUsers", nil, bearer(second)).want(t, 401, "invalid_api_key")
		d.call(t, "ListUsers", nil, bearer(third)).want(t, 200, "")
		if got := d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, "").str("previous_expires_at"); got != "" {
			t.Errorf("previous_expires_at of a secret that has ended is %q", got)
		}
		d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "")
		fifth := d.call(t, "RotateKey", args{"id": id}, bearer(admin)).want(t, 201, "").str("key")
		d.call(t, "ListUsers", nil, bearer(third)).want(t, 401, "invalid_api_key")

		later := n.clock.now().Add(24 * time.Hour).UTC().Format(time.RFC3339)
		d.call(t, "UpdateKey", args{"id": id, "expires_at": later}, bearer(admin)).want(t, 200, "")
		d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 60}, bearer(admin)).want(t, 201, "")
		d.call(t, "ListUsers", nil, bearer(fifth)).want(t, 200, "")
		n.clock.advance(time.Minute)
		d.call(t, "ListUsers", nil, bearer(fifth)).want(t, 401, "invalid_api_key")
	}, unlimited)
}

// wantOneSpent fails the test unless the second answer spent one request more than the first, from
// the same bucket.
func wantOneSpent(t *testing.T, first, second answer) {
	t.Helper()
	a, _ := strconv.Atoi(first.Header.Get("X-RateLimit-Remaining"))
	b, _ := strconv.Atoi(second.Header.Get("X-RateLimit-Remaining"))
	if b != a-1 || first.Header.Get("X-RateLimit-Reset") != second.Header.Get("X-RateLimit-Reset") {
		t.Errorf("Remaining went from %d to %d: not one bucket", a, b)
	}
}

// TestDisableEndsBothSecrets checks that disabling and expiry apply to the key, and so to both its
// secrets.
func TestDisableEndsBothSecrets(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		id, first := n.newKey(t, d, admin, nil)
		second := d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 600}, bearer(admin)).want(t, 201, "").str("key")
		both := func(status int, reason string) {
			t.Helper()
			d.call(t, "ListUsers", nil, bearer(first)).want(t, status, reason)
			d.call(t, "ListUsers", nil, bearer(second)).want(t, status, reason)
		}
		both(200, "")
		d.call(t, "UpdateKey", args{"id": id, "enabled": false}, bearer(admin)).want(t, 200, "")
		both(401, "invalid_api_key")
		d.call(t, "UpdateKey", args{"id": id, "enabled": true}, bearer(admin)).want(t, 200, "")
		both(200, "")
		expires := n.clock.now().Add(time.Minute).UTC()
		d.call(t, "UpdateKey", args{"id": id, "expires_at": expires.Format(time.RFC3339Nano)}, bearer(admin)).want(t, 200, "")
		if sunset, err := http.ParseTime(d.call(t, "ListUsers", nil, bearer(first)).want(t, 200, "").Header.Get("Sunset")); err != nil || !sunset.Equal(expires.Truncate(time.Second)) {
			t.Errorf("Sunset of a key that ends before the overlap is %v, want %v", sunset, expires)
		}
		n.clock.advance(time.Minute)
		both(401, "invalid_api_key")
		d.call(t, "UpdateKey", args{"id": id, "expires_at": nil}, bearer(admin)).want(t, 200, "")
		both(200, "")
		d.call(t, "DeleteKey", args{"id": id}, bearer(admin)).want(t, 200, "")
		both(401, "invalid_api_key")
	}, unlimited)
}

// TestLastUsedAt checks that last_used_at is null before the first use and current right after each
// use, with the address, the client and the operation of that use. It never goes back, and it
// survives a restart.
func TestLastUsedAt(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	for _, d := range n.drivers() {
		admin, _ := n.login(t, d)
		id, secret := n.newKey(t, d, admin, nil)
		var client, operation string // of the last use
		read := func() time.Time {
			k := d.call(t, "GetKey", args{"id": id}, bearer(admin)).want(t, 200, "")
			if k.str("last_used_client") != client || k.str("last_used_operation") != operation || (k.str("last_used_ip") == "127.0.0.1") != (client != "") {
				t.Errorf("%v, want a use with %q for %q", k.Body, client, operation)
			}
			return k.timeOf(t, "last_used_at")
		}
		if !read().IsZero() {
			t.Error("a key that was never used has last_used_at")
		}
		from := n.clock.now().Truncate(time.Microsecond)
		client, operation = "curl/8.5.0", "CreateKey"
		d.call(t, "CreateKey", nil, bearer(secret), header("User-Agent", client)).want(t, 403, "credential_not_allowed") // a refused call counts as a use
		first := read()
		if first.Before(from) || first.After(n.clock.now()) {
			t.Errorf("last_used_at is %v after a use at %v", first, from)
		}
		for _, k := range d.call(t, "ListKeys", nil, bearer(admin)).Body.([]any) {
			if k := k.(map[string]any); k["id"] == id && k["last_used_at"] == nil {
				t.Error("the list lags behind a use")
			}
		}
		n.clock.advance(time.Second)
		client, operation = "okhttp/4.12.0", "ListUsers"
		d.call(t, "ListUsers", nil, bearer(secret), header("User-Agent", client)).want(t, 200, "")
		second := read()
		if !second.After(first) {
			t.Errorf("last_used_at went from %v to %v", first, second)
		}
		n.stop()
		n.boot(t, unlimited)
		if got := read(); !got.Equal(second) {
			t.Errorf("last_used_at is %v after a restart, want %v", got, second)
		}
	}
}

// TestRotationKeepsStatistics checks that a rotation keeps usage that has not been written yet.
func TestRotationKeepsStatistics(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	d := n.drivers()[0]
	admin, _ := n.login(t, d)
	id, secret := n.newKey(t, d, admin, nil)
	d.call(t, "ListUsers", nil, bearer(secret)).want(t, 200, "")
	used := d.call(t, "GetKey", args{"id": id}, bearer(admin)).str("last_used_at")
	rotated := d.call(t, "RotateKey", args{"id": id}, bearer(admin)).want(t, 201, "")
	if used == "" || rotated.str("last_used_at") != used {
		t.Errorf("last_used_at was %q and is %q after a rotation", used, rotated.str("last_used_at"))
	}
	n.stop()
	n.boot(t, unlimited)
	if got := d.call(t, "GetKey", args{"id": id}, bearer(admin)).str("last_used_at"); got != used {
		t.Errorf("last_used_at is %q after a restart, want %q", got, used)
	}
}
