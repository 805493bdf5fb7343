package scenario_test

import (
	"strings"
	"testing"
)

const (
	sharpS   = "Info@Stra\u00dfe.de"
	punycode = "info@xn--strae-oqa.de"
	doubleS  = "info@strasse.de"
)

// TestSpellingsOfAnAddress checks on every surface which addresses are one: those that differ in
// case, or in the form of the domain, but not ß and ss.
func TestSpellingsOfAnAddress(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		sharp, double := passphrase(), passphrase()
		n.addDeveloper("  "+sharpS+" ", sharp)
		n.addDeveloper(doubleS, double)
		for email, password := range map[string]string{
			sharpS: sharp, punycode: sharp, "INFO@STRA\u1e9eE.DE": sharp, " " + punycode + " ": sharp, doubleS: double, strings.ToUpper(doubleS): double,
		} {
			d.call(t, "Login", args{"email": email, "password": password}).want(t, 200, "")
			d.call(t, "Login", args{"email": email, "password": n.password}).want(t, 401, "invalid_credentials")
		}
		for _, email := range []string{sharpS, punycode, "INFO@xn--STRAE-oqa.de", doubleS} {
			if _, err := n.server.Auth().Developers.Create(t.Context(), email, passphrase()); err == nil || !strings.Contains(err.Error(), "email_taken") {
				t.Errorf("a second developer %q: %v", email, err)
			}
		}
		admin, _ := n.login(t, d)
		d.call(t, "UpdateMe", args{"email": punycode, "current_password": n.password}, bearer(admin)).want(t, 409, "email_taken")

		user := d.call(t, "CreateUser", args{"email": sharpS}, bearer(admin)).want(t, 201, "").str("id")
		other := d.call(t, "CreateUser", args{"email": doubleS}, bearer(admin)).want(t, 201, "").str("id")
		d.call(t, "CreateUser", args{"email": punycode}, bearer(admin)).want(t, 409, "email_taken")
		d.call(t, "UpdateUser", args{"id": other, "email": " " + punycode}, bearer(admin)).want(t, 409, "email_taken")
		d.call(t, "UpdateUser", args{"id": user, "email": sharpS, "first_name": "Ada"}, bearer(admin)).want(t, 200, "")
		for email, want := range map[string]string{sharpS: user, punycode: user, " INFO@STRA\u00dfE.de ": user, doubleS: other} {
			list := d.call(t, "ListUsers", args{"email": email}, bearer(admin)).want(t, 200, "").list("items")
			if len(list) != 1 || list[0].(map[string]any)["id"] != want {
				t.Errorf("%q finds %v", email, list)
			}
		}
	}, unlimited)
}

// TestInvisibleCharactersInAnAddress checks that none gets into the address of a developer or a user,
// so that nobody is locked out by a character that cannot be seen.
func TestInvisibleCharactersInAnAddress(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		admin, _ := n.login(t, d)
		id := n.newUser(t, d, admin)
		for _, odd := range []string{"\u00a0", "\u200b", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\x7f", "\u0085", "\u3000", "\u3164", "\ufe0f", "\n", "\t", "\x01"} {
			for _, email := range []string{"new" + odd + "@example.com", odd + "new@example.com", "new@example.com" + odd, "new@exam" + odd + "ple.com"} {
				for operation, in := range map[string]args{
					"UpdateMe": {"current_password": n.password}, "CreateUser": {}, "UpdateUser": {"id": id},
				} {
					a := d.call(t, operation, withMembers(in, args{"email": email}), bearer(admin)).want(t, 422, "invalid_request")
					if len(a.Fields) != 1 || a.Fields[0] != "email" {
						t.Errorf("%s with %q names %v", operation, email, a.Fields)
					}
				}
				if _, err := n.server.Auth().Developers.Create(t.Context(), email, passphrase()); err == nil {
					t.Errorf("%q is the address of a developer", email)
				}
			}
		}
		n.login(t, d)
		after := d.call(t, "UpdateMe", args{"email": "  New@Example.com ", "current_password": n.password}, bearer(admin)).want(t, 200, "")
		if after.str("email") != "New@Example.com" {
			t.Errorf("the address is %q", after.str("email"))
		}
		d.call(t, "Login", args{"email": " new@example.com", "password": n.password}).want(t, 200, "")
	}, unlimited)
}

// TestPresentEmailNeedsNoPassword checks that the present address, in whatever spelling, is no change.
func TestPresentEmailNeedsNoPassword(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		access, _ := n.login(t, d)
		for _, in := range []args{
			{"email": n.email},
			{"email": strings.ToUpper(n.email)},
			{"email": " " + n.email + " ", "first_name": "Ada"},
			{"email": n.email, "current_password": n.password},
			{"email": strings.ToUpper(n.email), "current_password": ""},
		} {
			if a := d.call(t, "UpdateMe", in, bearer(access)).want(t, 200, ""); a.str("email") != n.email {
				t.Errorf("%v makes the address %q", in, a.str("email"))
			}
		}
		for _, email := range []string{n.email, strings.ToUpper(n.email)} {
			d.call(t, "UpdateMe", args{"email": email, "current_password": "wrong"}, bearer(access)).want(t, 400, "incorrect_password")
		}
		d.call(t, "UpdateMe", args{"email": "x" + n.email}, bearer(access)).want(t, 422, "invalid_request")
		a := d.call(t, "UpdateMe", args{"email": strings.ToUpper(n.email), "current_password": n.password}, bearer(access)).want(t, 200, "")
		if a.str("email") != strings.ToUpper(n.email) || a.str("first_name") != "Ada" {
			t.Errorf("the developer is %v", a.Body)
		}
		n.login(t, d)
	}, unlimited)
}
