package main_test

import (
	"strings"
	"testing"
	"time"
)

// A later import ends the codes that were redeemed, revoked or replaced there, revives none
// that was redeemed here, and leaves those that were made here since.
func TestImportAgainEndsPairingCodes(t *testing.T) {
	eachTarget(t, func(t *testing.T, i *installation, b *backend) {
		b.developer("ann", "ann@example.com", theirPassword)
		codes, users := map[string]string{}, map[string]string{}
		names := []string{"redeemed there", "revoked there", "replaced there", "redeemed here", "made here", "kept"}
		for _, name := range names {
			users[name] = b.user(name, nil, nil)
			codes[name] = b.pairing(name, users[name], idOf("ann"), 0)
		}
		wantCounts(t, i.bring(b, "--apply"), "pairing codes", "6", "0", "0", "0", "0")
		wantCounts(t, i.bring(b, "--apply"), "pairing codes", "0", "0", "6", "0", "0")
		p := i.serve()
		redeem := func(status int, code string) reply {
			t.Helper()
			return p.want(status, "POST", "/api/v1/invitation-code/redeem", "", map[string]string{"code": code})
		}
		redeem(200, codes["redeemed here"])
		access := p.login("ann@example.com", theirPassword).access
		here := p.want(201, "POST", "/api/v1/users/"+users["made here"]+"/invitation-code", access, nil).str("code")
		b.exec(`UPDATE user_invitation_code SET redeemed_at = now() WHERE id = $1`, idOf("redeemed there"))
		b.exec(`UPDATE user_invitation_code SET revoked_at = now() WHERE id = ANY($1)`, []string{idOf("revoked there"), idOf("replaced there")})
		newer := b.pairing("newer", users["replaced there"], idOf("ann"), time.Second)

		dry := i.bring(b)
		wantCounts(t, dry, "pairing codes", "1", "0", "3", "3", "0")
		report := i.bring(b, "--apply")
		wantCounts(t, report, "pairing codes", "1", "0", "3", "2", "0")
		for _, name := range []string{"redeemed there", "revoked there", "replaced there", "redeemed here", "made here"} {
			redeem(404, codes[name])
		}
		for _, code := range []string{newer, here} {
			redeem(200, code)
		}
		kept := codes["kept"]
		pair := redeem(200, strings.ToLower(kept[:4]+"-"+kept[4:])) // as a person types it
		if pair.str("user_id") != users["kept"] {
			t.Error(pair.body["user_id"])
		}
		p.want(200, "GET", "/api/v1/users/"+users["kept"], pair.str("access_token"), nil)
		redeem(404, kept)
		b.silent(p.stderr.String(), p.stdout.String())
	})
}

// A code that cannot work here is told of by its id.
func TestImportTellsWhatIsOddOfPairingCodes(t *testing.T) {
	t.Parallel()
	i, b := install(t), newBackend(t, "0.8")
	b.developer("ann", "ann@example.com", theirPassword)
	user, other := b.user("ulla", nil, nil), b.user("otto", nil, nil)
	for name, code := range map[string]string{"short": "SHORT", "small": "smallone", "spaced": "FOUR-FOU"} {
		b.putPairing(name, code, user, idOf("ann"), 0, time.Now().Add(time.Hour))
	}
	b.pairing("of nobody", user, nil, time.Second)
	b.pairing("strange", user, idOf("gone"), 0)
	b.pairing("older", other, idOf("ann"), 0)
	newest := b.pairing("newest", other, idOf("ann"), time.Second)
	b.putPairing("for nobody", "NOBODYSX", nil, idOf("ann"), 0, time.Now().Add(time.Hour))
	odd := map[string]string{
		"short": "has not the form of 8 letters and digits", "small": "has not the form", "spaced": "has not the form",
		"of nobody": "is of user " + user + ", and nobody is known to have made it", "for nobody": "is of no user",
		"older": "is of user " + other + ", who has a newer one",
	}
	dry := i.bring(b)
	wantCounts(t, dry, "pairing codes", "2", "0", "0", "0", "6")
	odd["strange"] = "was made by developer " + idOf("gone") + ", who is not here"
	applied := i.bring(b, "--apply")
	wantCounts(t, applied, "pairing codes", "1", "0", "0", "0", "7")
	for name, what := range odd {
		if line := "odd  pairing_code " + idOf(name) + " " + what; !strings.Contains(applied, line) || name != "strange" && !strings.Contains(dry, line) {
			t.Errorf("nothing of %q in\n%s\n%s", line, dry, applied)
		}
	}
	i.serve().want(200, "POST", "/api/v1/invitation-code/redeem", "", map[string]string{"code": newest})
}
