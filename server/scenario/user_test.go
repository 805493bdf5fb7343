package scenario_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// concurrently runs f n times, as close to the same moment as possible.
func concurrently(n int, f func(i int)) {
	var wait sync.WaitGroup
	ready := make(chan struct{})
	for i := range n {
		wait.Go(func() {
			<-ready
			f(i)
		})
	}
	close(ready)
	wait.Wait()
}

// TestUserLife checks that a user reads back as written through creation, updates and deletion.
func TestUserLife(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		_, key := n.newKey(t, d, admin, nil)
		bare := d.call(t, "CreateUser", args{}, bearer(key)).want(t, 201, "")
		if got := slices.Sorted(maps.Keys(bare.Body.(map[string]any))); !slices.Equal(got, []string{"created_at", "has_active_connection", "id"}) {
			t.Errorf("a user of whom nothing is known has %v", got)
		}
		tag := strings.ReplaceAll(d.name(), " ", "")
		all := args{"first_name": "Ada", "last_name": "Løvelace", "email": "Ada+" + tag + "@Example.com", "external_user_id": "ext/" + tag}
		made := d.call(t, "CreateUser", all, bearer(admin)).want(t, 201, "")
		for name, v := range all {
			if made.str(name) != v {
				t.Errorf("%s is %q, want %q as it was written", name, made.str(name), v)
			}
		}
		if uuid.Validate(made.str("id")) != nil || n.clock.now().Sub(made.timeOf(t, "created_at")).Abs() > time.Minute {
			t.Errorf("made %v", made.Body)
		}
		id := made.str("id")
		same := func(what string, a answer) {
			t.Helper()
			if string(encode(t, a.want(t, 200, "").Body)) != string(encode(t, made.Body)) {
				t.Errorf("%s is %v, want %v", what, a.Body, made.Body)
			}
		}
		same("read", d.call(t, "GetUser", args{"id": id}, bearer(key)))
		same("empty update", d.call(t, "UpdateUser", args{"id": id}, bearer(key)))
		same("read by an upper-case id", d.call(t, "GetUser", args{"id": strings.ToUpper(id)}, bearer(key)))

		made = d.call(t, "UpdateUser", args{"id": id, "first_name": "Augusta", "last_name": nil}, bearer(key)).want(t, 200, "")
		if made.str("first_name") != "Augusta" || made.str("last_name") != "" || made.str("email") != all["email"] {
			t.Errorf("updated %v", made.Body)
		}
		made = d.call(t, "UpdateUser", args{"id": id, "email": nil, "external_user_id": nil}, bearer(key)).want(t, 200, "")
		if made.str("email")+made.str("external_user_id") != "" || made.str("first_name") != "Augusta" {
			t.Errorf("cleared %v", made.Body)
		}
		same("deleted", d.call(t, "DeleteUser", args{"id": id}, bearer(key)))
		for _, operation := range []string{"GetUser", "UpdateUser", "DeleteUser"} {
			d.call(t, operation, args{"id": id}, bearer(key)).want(t, 404, "not_found")
			d.call(t, operation, args{"id": uuid.NewString()}, bearer(admin)).want(t, 404, "not_found")
			d.call(t, operation, args{"id": "42"}, bearer(admin)).want(t, 422, "invalid_request")
			d.call(t, operation, args{"id": strings.ReplaceAll(id, "-", "")}, bearer(admin)).want(t, 422, "invalid_request")
		}
	}, unlimited)
}

// TestUserToken checks that a user's token can read that user and no others.
func TestUserToken(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		app, secret := n.newApp(t, d, admin)
		self, other := n.newUser(t, d, admin), n.newUser(t, d, admin)
		access, refresh := n.exchange(t, d, self, app, secret)
		if got := d.call(t, "GetUser", args{"id": self}, bearer(access)).want(t, 200, "").str("id"); got != self {
			t.Errorf("read %q", got)
		}
		d.call(t, "GetUser", args{"id": strings.ToUpper(self)}, bearer(access)).want(t, 200, "")
		there := d.call(t, "GetUser", args{"id": other}, bearer(access)).want(t, 403, "other_user")
		nowhere := d.call(t, "GetUser", args{"id": uuid.NewString()}, bearer(access)).want(t, 403, "other_user")
		if there.Detail != nowhere.Detail {
			t.Errorf("%q tells that the user exists, %q that it does not", there.Detail, nowhere.Detail)
		}
		d.call(t, "GetUser", args{"id": "42"}, bearer(access)).want(t, 422, "invalid_request")
		for _, operation := range []string{"ListUsers", "CreateUser", "UpdateUser", "DeleteUser"} {
			d.call(t, operation, args{"id": self}, bearer(access)).want(t, 403, "credential_not_allowed")
		}
		d.call(t, "DeleteUser", args{"id": self}, bearer(admin)).want(t, 200, "")
		d.call(t, "GetUser", args{"id": self}, bearer(access)).want(t, 401, "invalid_token")
		d.call(t, "RefreshToken", args{"refresh_token": refresh}).want(t, 401, "invalid_refresh_token")
	}, unlimited)
}

// TestUserConflicts checks that emails are unique without regard to case, and external_user_ids
// with regard to case.
func TestUserConflicts(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		tag := "." + strings.ReplaceAll(d.name(), " ", "") + "@example.com"
		create := func(in args, status int, reason string) string {
			t.Helper()
			return d.call(t, "CreateUser", in, bearer(admin)).want(t, status, reason).str("id")
		}
		first := create(args{"email": "Zoë" + tag, "external_user_id": "A" + tag}, 201, "")
		for _, taken := range []string{"Zoë" + tag, "zoë" + tag, "ZOË" + strings.ToUpper(tag), "Zoe\u0308" + tag} {
			create(args{"email": taken}, 409, "email_taken")
		}
		create(args{"email": "zoe" + tag}, 201, "")
		create(args{"external_user_id": "A" + tag}, 409, "external_user_id_taken")
		second := create(args{"external_user_id": "a" + tag}, 201, "")
		update := func(id string, in args, status int, reason string) {
			t.Helper()
			in["id"] = id
			d.call(t, "UpdateUser", in, bearer(admin)).want(t, status, reason)
		}
		update(second, args{"email": "ZOË" + tag}, 409, "email_taken")
		update(second, args{"external_user_id": "A" + tag}, 409, "external_user_id_taken")
		update(first, args{"email": "ZOË" + tag, "external_user_id": "A" + tag}, 200, "")
		if got := d.call(t, "GetUser", args{"id": second}, bearer(admin)); got.str("email") != "" || got.str("external_user_id") != "a"+tag {
			t.Errorf("a refused update left %v", got.Body)
		}
		update(first, args{"email": nil}, 200, "")
		update(second, args{"email": "zoë" + tag}, 200, "")
		d.call(t, "DeleteUser", args{"id": first}, bearer(admin)).want(t, 200, "")
		update(second, args{"external_user_id": "A" + tag}, 200, "")
		create(args{}, 201, "") // unset values never conflict
		create(args{}, 201, "")
	}, unlimited)
}

// TestUserValidation checks that each invalid field is a 422 that names it, and that the longest
// values are stored unchanged.
func TestUserValidation(t *testing.T) {
	t.Parallel()
	onSharedNode(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		id := n.newUser(t, d, admin)
		longName, long := strings.Repeat("ü", 101), strings.Repeat("ü", 256)
		names := []string{longName, "", "  ", "\u00a0", "a\u202eb", "a\nb", "a\t", "\u2028", "a\u200f"}
		for _, c := range []struct {
			field string
			bad   []string
		}{
			{"first_name", names},
			{"last_name", names},
			{"external_user_id", []string{long, ""}},
			{"email", []string{
				"", "a", "a@", "@b", "a b@c", "a@b@c", "a@b\n", strings.Repeat("a", 251) + "@b.c", "a@b\u00a0", "a\u200b@b.c", "\ufeffa@b.c", "a@\u2100.c",
			}},
		} {
			for _, bad := range c.bad {
				for operation, in := range map[string]args{
					"CreateUser": {}, "UpdateUser": {"id": id},
				} {
					in[c.field] = bad
					if a := d.call(t, operation, in, bearer(admin)).want(t, 422, "invalid_request"); !slices.Equal(a.Fields, []string{c.field}) {
						t.Errorf("%s with %s %q names %v", operation, c.field, bad, a.Fields)
					}
				}
				d.call(t, "UpdateUser", args{"id": uuid.NewString(), c.field: bad}, bearer(admin)).want(t, 422, "invalid_request")
			}
		}
		longest, tag := strings.Repeat("ü", 100), d.name()[len(d.name())-1:]
		a := d.call(t, "CreateUser", args{
			"first_name": " " + longest + "\u00a0", "last_name": " x\u00a0y\u200d ", "email": " " + tag + "@Stra\u00dfe.de ", "external_user_id": strings.Repeat(tag, 255),
		}, bearer(admin)).want(t, 201, "")
		if a.str("first_name") != longest || a.str("last_name") != "x\u00a0y\u200d" || a.str("email") != tag+"@Stra\u00dfe.de" {
			t.Errorf("stored %v", a.Body)
		}
	}, unlimited)
}

// TestOneUserGetsAnEmail checks that of 64 concurrent creations with one email, one wins. The same
// holds for updates and for external_user_id.
func TestOneUserGetsAnEmail(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	race := func(call func(d driver, i int) answer, success int, reason string) {
		t.Helper()
		var mu sync.Mutex
		count := map[string]int{}
		concurrently(64, func(i int) {
			a := call(ds[i%3], i)
			mu.Lock()
			defer mu.Unlock()
			count[strings.TrimSpace(fmt.Sprint(a.Status, " ", a.Reason))]++
		})
		if want := map[string]int{strconv.Itoa(success): 1, "409 " + reason: 63}; !maps.Equal(count, want) {
			t.Errorf("64 at once got %v, want %v", count, want)
		}
	}
	race(func(d driver, i int) answer {
		email := "ONE@example.com"
		if i%2 == 0 {
			email = strings.ToLower(email)
		}
		return d.call(t, "CreateUser", args{"email": email}, bearer(admin))
	}, 201, "email_taken")
	race(func(d driver, _ int) answer {
		return d.call(t, "CreateUser", args{"external_user_id": "one"}, bearer(admin))
	}, 201, "external_user_id_taken")
	var ids [64]string
	for i := range ids {
		ids[i] = n.newUser(t, ds[i%3], admin)
	}
	race(func(d driver, i int) answer {
		return d.call(t, "UpdateUser", args{"id": ids[i], "email": "two@example.com"}, bearer(admin))
	}, 200, "email_taken")
	list := ds[0].call(t, "ListUsers", args{"email": "TWO@example.com"}, bearer(admin)).want(t, 200, "")
	if len(list.list("items")) != 1 {
		t.Errorf("%d users have the email", len(list.list("items")))
	}
}

// TestNoTokenIsMintedPastADelete checks that tokens minted or renewed while a user is being deleted
// are invalid once the deletion has answered.
func TestNoTokenIsMintedPastADelete(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	app, secret := n.newApp(t, ds[0], admin)
	_, key := n.newKey(t, ds[0], admin, nil)
	minted := 0
	for round := range 40 {
		user := n.newUser(t, ds[0], admin)
		_, refresh := n.exchange(t, ds[0], user, app, secret)
		var mu sync.Mutex
		var pairs []answer
		concurrently(8, func(i int) {
			d := ds[(i+round)%3]
			var a answer
			switch i {
			case 0, 1:
				a = d.call(t, "CreateUserToken", args{"user_id": user, "app_id": app, "app_secret": secret})
			case 2, 3:
				a = d.call(t, "CreateUserToken", args{"user_id": user}, bearer(key))
			case 4, 5:
				a = d.call(t, "CreateUserToken", args{"user_id": user}, bearer(admin))
			case 6:
				a = d.call(t, "RefreshToken", args{"refresh_token": refresh})
			default:
				if a := d.call(t, "DeleteUser", args{"id": user}, bearer(admin)); a.Status != 200 {
					t.Errorf("the deletion is %d %s", a.Status, a.Reason)
				}
				return
			}
			if a.Status != 200 && a.Status != 404 && a.Reason != "invalid_refresh_token" {
				t.Errorf("a mint is %d %s", a.Status, a.Reason)
			}
			if a.Status == 200 {
				mu.Lock()
				defer mu.Unlock()
				pairs = append(pairs, a)
			}
		})
		minted += len(pairs)
		for _, p := range pairs {
			ds[0].call(t, "GetUser", args{"id": user}, bearer(p.str("access_token"))).want(t, 401, "invalid_token")
			ds[0].call(t, "RefreshToken", args{"refresh_token": p.str("refresh_token")}).want(t, 401, "invalid_refresh_token")
		}
	}
	if minted == 0 {
		t.Error("no mint ever came before the deletion: nothing was tested")
	}
}

// TestAnswersReadTheirWrites checks that after the answer to a write, every request sees it, even
// under concurrent writes.
func TestAnswersReadTheirWrites(t *testing.T) {
	t.Parallel()
	n := start(t, unlimited)
	ds := n.drivers()
	admin, _ := n.login(t, ds[0])
	concurrently(16, func(i int) {
		for round := range 4 {
			d := ds[(i+round)%3]
			email := fmt.Sprintf("u%d.%d@example.com", i, round)
			made := d.call(t, "CreateUser", args{"email": email, "first_name": "before"}, bearer(admin))
			id := made.str("id")
			if made.Status != 201 {
				t.Errorf("create is %d %s", made.Status, made.Reason)
				return
			}
			list := d.call(t, "ListUsers", args{"email": strings.ToUpper(email)}, bearer(admin))
			if l := list.list("items"); len(l) != 1 || l[0].(map[string]any)["id"] != id {
				t.Errorf("a created user is not listed: %v", list.Body)
			}
			d.call(t, "UpdateUser", args{"id": id, "first_name": "after"}, bearer(admin))
			if got := d.call(t, "GetUser", args{"id": id}, bearer(admin)).str("first_name"); got != "after" {
				t.Errorf("an update reads back as %q", got)
			}
			d.call(t, "DeleteUser", args{"id": id}, bearer(admin))
			if a := d.call(t, "GetUser", args{"id": id}, bearer(admin)); a.Status != 404 {
				t.Errorf("a deleted user reads as %d", a.Status)
			}
		}
	})
}
