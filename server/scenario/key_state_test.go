package scenario_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestKeysAreListedByState makes a key in each state and checks which keys each state lists, with
// the page after the first, and that a cursor belongs to its state.
func TestKeysAreListedByState(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		names := map[string]string{} // by id
		key := func(name string, in args) (id, secret string) {
			t.Helper()
			id, secret = n.newKey(t, d, admin, in)
			names[id] = name
			return id, secret
		}
		at := func(d time.Duration) string { return n.clock.now().Add(d).UTC().Format(time.RFC3339) }
		const day = 24 * time.Hour
		_, ended := key("ended", args{"expires_at": at(day)})
		d.call(t, "ListUsers", nil, bearer(ended)).want(t, 200, "")
		_, idle := key("idle", nil)
		d.call(t, "ListUsers", nil, bearer(idle)).want(t, 200, "")
		if err := n.server.Auth().Flush(t.Context()); err != nil { // writes the uses
			t.Fatal(err)
		}
		n.clock.advance(91 * day)
		admin, _ = n.login(t, d)
		key("new", nil)
		for name, in := range map[string]args{"soon": {"expires_at": at(13 * day)}, "later": {"expires_at": at(15 * day)}, "rotated": nil, "off": {"expires_at": at(day)}} {
			id, secret := key(name, in)
			d.call(t, "ListUsers", nil, bearer(secret)).want(t, 200, "")
			switch name {
			case "rotated":
				d.call(t, "RotateKey", args{"id": id, "overlap_seconds": 60}, bearer(admin)).want(t, 201, "")
			case "off":
				d.call(t, "UpdateKey", args{"id": id, "enabled": false}, bearer(admin)).want(t, 200, "")
			}
		}
		if err := n.server.Auth().Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		list := func(state string) string {
			t.Helper()
			var found []string
			for cursor := ""; ; {
				in := args{"state": state, "limit": 1}
				if cursor != "" {
					in["cursor"] = cursor
				}
				a := d.call(t, "ListKeys", in, bearer(admin)).want(t, 200, "")
				for _, item := range a.Body.([]any) {
					found = append(found, names[item.(map[string]any)["id"].(string)])
				}
				if cursor = a.Next; cursor == "" {
					break
				}
				if link := a.Header.Get("Link"); link != "" && !strings.Contains(link, url.Values{"state": {state}}.Encode()) {
					t.Errorf("the next page of %s is %s", state, link)
				}
				d.call(t, "ListKeys", args{"cursor": cursor}, bearer(admin)).want(t, 422, "invalid_request")
			}
			slices.Sort(found)
			return strings.Join(found, " ")
		}
		for state, want := range map[string]string{
			"active": "idle later new rotated soon", "rotating": "rotated", "expiring": "soon", "unused": "idle new", "disabled": "off", "expired": "ended",
		} {
			if got := list(state); got != want {
				t.Errorf("%s keys are %q, want %q", state, got, want)
			}
		}
		if a := d.call(t, "ListKeys", args{"state": "lost"}, bearer(admin)).want(t, 422, "invalid_request"); a.Fields[0] != "state" {
			t.Errorf("an unknown state names %v", a.Fields)
		}
	}, unlimited)
}
