package scenario_test

import (
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestKeysAndApplicationsArePaged checks that pages of both lists hold each of them once, newest
// first, while others come and go, and that no page is larger than the contract says.
func TestKeysAndApplicationsArePaged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ list, create, remove, id string }{
		{"ListKeys", "CreateKey", "DeleteKey", "id"},
		{"ListApplications", "CreateApplication", "DeleteApplication", "app_id"},
	} {
		t.Run(c.list, func(t *testing.T) {
			t.Parallel()
			n := start(t, unlimited)
			all := n.roundRobin()
			admin, _ := n.login(t, n.drivers()[0])
			var want []string
			create := func() string {
				t.Helper()
				return all.call(t, c.create, args{"name": strconv.Itoa(len(want))}, bearer(admin)).want(t, 201, "").str(c.id)
			}
			for i := range 104 {
				if i%2 == 0 {
					n.clock.advance(time.Second) // every other one is as old as the one before
				}
				want = append(want, create())
			}
			for _, d := range n.drivers() {
				list := func(in args) (ids []string, next string) {
					t.Helper()
					a := d.call(t, c.list, in, bearer(admin)).want(t, 200, "")
					for _, item := range a.Body.([]any) {
						ids = append(ids, item.(map[string]any)[c.id].(string))
					}
					return ids, a.Next
				}
				whole, next := list(nil)
				if len(whole) != 100 || next == "" {
					t.Fatalf("%s: a page holds %d, the next is %q", d.name(), len(whole), next)
				}
				rest, end := list(args{"cursor": next})
				whole = append(whole, rest...)
				if sorted := slices.Sorted(slices.Values(whole)); end != "" || !slices.Equal(sorted, slices.Sorted(slices.Values(want))) {
					t.Errorf("%s: two pages hold %d, the next is %q", d.name(), len(whole), end)
				}
				if newest := whole[:2]; !slices.Contains(newest, want[len(want)-1]) || !slices.Contains(newest, want[len(want)-2]) {
					t.Errorf("%s: the newest are %q", d.name(), newest)
				}
				var walked []string
				for in := (args{"limit": 17}); ; {
					ids, next := list(in)
					if walked = append(walked, ids...); next == "" {
						break
					}
					n.clock.advance(time.Second)
					all.call(t, c.remove, args{c.id: create()}, bearer(admin))
					in["cursor"] = next
				}
				if !slices.Equal(walked, whole) {
					t.Errorf("%s: by 17 the list is\n%q, not\n%q", d.name(), walked, whole)
				}
				foreign := map[string]string{"ListKeys": "ListApplications", "ListApplications": "ListKeys"}[c.list]
				d.call(t, foreign, args{"cursor": next}, bearer(admin)).want(t, 422, "invalid_request")
				for field, bad := range map[string][]any{"limit": {0, 101, -1}, "cursor": {"", "x", next + "A"}} {
					for _, v := range bad {
						if a := d.call(t, c.list, args{field: v}, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{field}) {
							t.Errorf("%s: %s %v names %v", d.name(), field, v, a.Fields)
						}
					}
				}
			}
		})
	}
}
