package scenario_test

import (
	"crypto/rand"
	"regexp"
	"testing"
)

// newUserForm matches what is kept of an answer to CreateUser: nothing that its request said.
var newUserForm = regexp.MustCompile(`^\{"ID":"[0-9a-f-]{36}","CreatedAt":"[0-9TZ:.-]+"\}$`)

// TestRetriedCreateUserMakesOneUser loses the first answer to a CreateUser and repeats the call on
// each surface. There is one user, and the answer is the lost one, whatever happened since.
func TestRetriedCreateUserMakesOneUser(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		key, secret := n.newKey(t, d, admin, args{"scopes": []string{"users:write"}})
		tag := rand.Text()
		in := args{"first_name": "Ada", "email": tag + "@Example.com", "external_user_id": "u-" + tag}
		create := func() answer {
			t.Helper()
			return d.call(t, "CreateUser", in, bearer(secret), idempotent("retried-"+tag))
		}
		lost := create().want(t, 201, "")
		sameAnswer(t, "a retry", lost, create())
		found := d.call(t, "ListUsers", args{"search": tag}, bearer(admin)).want(t, 200, "")
		if users := found.list("items"); len(users) != 1 {
			t.Errorf("a retried CreateUser made %d users", len(users))
		}

		// The key may not read users: a retry does not show it what others changed.
		d.call(t, "UpdateUser", args{"id": lost.str("id"), "first_name": "Grace"}, bearer(admin)).want(t, 200, "")
		sameAnswer(t, "a retry after a change", lost, create())
		d.call(t, "DeleteUser", args{"id": lost.str("id")}, bearer(admin)).want(t, 200, "")
		sameAnswer(t, "a retry after the end", lost, create())
		d.call(t, "GetUser", args{"id": lost.str("id")}, bearer(admin)).want(t, 404, "not_found")
		d.call(t, "CreateUser", in, bearer(admin), idempotent("retried-"+tag)).want(t, 201, "")

		d.call(t, "UpdateKey", args{"id": key, "scopes": []string{"users:read"}}, bearer(admin)).want(t, 200, "")
		create().want(t, 403, "insufficient_scope")
	}, unlimited)
}
