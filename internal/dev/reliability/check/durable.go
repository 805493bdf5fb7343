package check

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// journal maps the ids of requests to their rows of the audit trail.
type journal map[string][]*record.Call

func audit(calls []record.Call) journal {
	j, seen := make(journal), make(map[string]bool)
	for i := range calls {
		c := &calls[i]
		if c.Op == "audit" && !seen[c.Args["id"]] {
			seen[c.Args["id"]] = true
			j[c.Args["request"]] = append(j[c.Args["request"]], c)
		}
	}
	return j
}

// has reports whether the call left its one row. Two are a broken promise.
func (j journal) has(v *Verdict, c *record.Call) bool {
	n := 0
	for _, row := range j[c.Args["request"]] {
		if row.Args["outcome"] == "ok" {
			n++
		}
	}
	if n > 1 {
		v.fail("more than one audit row for one effect", c)
	}
	return n > 0
}

// effects are the operations that leave an audit row.
var effects = []string{"create-key", "rotate-key", "delete-key", "refresh", "mint", "revoke", "patch"}

// Durable checks the answers that writers got against what they found after each
// death. An acknowledged effect is there, any other is there as a whole or not at
// all, and an audit row is there if and only if its effect is.
func Durable(calls []record.Call, cycles int) Verdict {
	var v Verdict
	j := audit(calls)
	acknowledged, open := 0, 0
	for i := range calls {
		c := &calls[i]
		if !slices.Contains(effects, c.Op) || c.Args["request"] == "" {
			continue
		}
		switch {
		case c.OK():
			acknowledged++
			if !j.has(&v, c) {
				v.fail("acknowledged, and not in the audit trail", c)
			}
		case c.Status == 0 || c.Status == 503:
			open++
		default:
			v.fail("neither done nor unknown", c)
		}
	}
	there, undone := 0, 0
	for name, all := range by(calls, subject) {
		kind, _, _ := strings.Cut(name, ":")
		walk := subjects[kind]
		if strings.HasPrefix(name, "key_") {
			walk = walkKey
		}
		if walk != nil {
			a, b := walk(&v, j, all)
			there, undone = there+a, undone+b
		}
	}
	rows(&v, calls)
	deaths(&v, calls, cycles)
	v.enough("acknowledged writes", acknowledged, 10*cycles)
	v.count("%d acknowledged writes, all there; of %d that were not, %d were looked at: %d there as a whole, %d not at all", acknowledged, open, there+undone, there, undone)
	return v
}

// subject returns the subject of the call; the name of a new key is in the answer.
func subject(c *record.Call) string {
	if c.Op == "create-key" {
		return c.Out["id"]
	}
	return c.Of
}

var subjects = map[string]func(*Verdict, journal, []*record.Call) (there, undone int){
	"chain": walkChain, "user": walkUser, "token": walkToken,
}

// tally counts an unacknowledged call by whether its effect is there.
func tally(effect bool, there, undone *int) {
	if effect {
		*there++
	} else {
		*undone++
	}
}

// walkKey follows one key: which secret is the valid one.
func walkKey(v *Verdict, j journal, all []*record.Call) (there, undone int) {
	var current string
	var pending *record.Call
	accepted := false // the pending call's old secret, after the restart
	dead := make(map[string]bool)
	for _, c := range all {
		switch c.Op {
		case "create-key":
			current = c.Out["key"]
		case "rotate-key", "delete-key":
			if !c.OK() {
				pending = c
				continue
			}
			dead[current], current = true, c.Out["key"]
		case "rotate-again":
			replayed := c.Out["Idempotent-Replayed"] == "true"
			if pending == nil || !c.OK() || replayed == accepted || j.has(v, pending) != replayed {
				v.fail("a rotation is neither whole nor undone", pending, c)
			}
			tally(replayed, &there, &undone)
			dead[current], current, pending = true, c.Out["key"], nil
		case "use":
			secret := c.Args["bearer"]
			switch {
			case !c.OK() && c.Status != 401:
				v.fail("a key is neither accepted nor refused", c)
			case pending != nil && pending.Op == "delete-key" && !dead[secret]:
				if c.OK() == j.has(v, pending) {
					v.fail("a deletion and its audit row do not go together", pending, c)
				}
				tally(!c.OK(), &there, &undone)
				dead[secret], pending = !c.OK(), nil
			case pending != nil && !dead[secret]:
				accepted = c.OK()
			case c.OK() != (secret == current && !dead[secret]):
				v.fail("an ended key is accepted, or a valid one refused", c)
			}
		}
	}
	return there, undone
}

// walkChain follows one session's refreshes.
func walkChain(v *Verdict, j journal, all []*record.Call) (there, undone int) {
	var pending *record.Call
	for _, c := range all {
		switch c.Op {
		case "refresh":
			if !c.OK() {
				pending = c
			}
		case "refresh-again":
			replayed := c.Out["Idempotent-Replayed"] == "true"
			if pending == nil || !c.OK() || j.has(v, pending) != replayed {
				v.fail("a refresh is neither whole nor undone", pending, c)
			}
			tally(replayed, &there, &undone)
			pending = nil
		case "access":
			if !c.OK() {
				v.fail("the chain's token is refused", c)
			}
		}
	}
	return there, undone
}

// walkUser follows the two names of one user, which are always written together.
func walkUser(v *Verdict, j journal, all []*record.Call) (there, undone int) {
	value := ""
	var pending *record.Call
	for _, c := range all {
		switch {
		case c.Op == "patch" && c.OK():
			value = c.Args["value"]
		case c.Op == "patch":
			pending = c
		case c.Op == "read":
			got := c.Out["first_name"]
			known := got == value || pending != nil && got == pending.Args["value"]
			if !c.OK() || !known || c.Out["last_name"] != got {
				v.fail("a user is not as it was written: wanted "+value, pending, c)
			}
			if pending != nil {
				done := got == pending.Args["value"]
				if j.has(v, pending) != done {
					v.fail("an update and its audit row do not go together", pending, c)
				}
				tally(done, &there, &undone)
			}
			value, pending = got, nil
		}
	}
	return there, undone
}

// walkToken follows one session that is minted and revoked.
func walkToken(v *Verdict, j journal, all []*record.Call) (there, undone int) {
	revoked, access, tried := with(all, "revoke"), with(all, "access"), with(all, "try")
	if len(revoked) == 0 || len(access) == 0 || len(tried) == 0 {
		return 0, 0
	}
	end := revoked[0]
	dead := access[0].Status == 401
	if !dead && !access[0].OK() || dead != (tried[0].Status == 401) || !dead && !tried[0].OK() {
		v.fail("a session is half revoked", end, access[0], tried[0])
	}
	if end.OK() && !dead {
		v.fail("a revoked session is accepted", end, access[0])
	}
	if !end.OK() {
		if j.has(v, end) != dead {
			v.fail("a revocation and its audit row do not go together", end, access[0])
		}
		tally(dead, &there, &undone)
	}
	return there, undone
}

// rows checks that what was created and its audit rows match.
func rows(v *Verdict, calls []record.Call) {
	made, audited, deleted := make(map[string]int), make(map[string]int), make(map[string]bool)
	minted, sessions := make(map[string]int), 0
	for i := range calls {
		switch c := &calls[i]; {
		case c.Op == "sessions":
			n, _ := strconv.Atoi(c.Args["count"]) // a number
			minted["user:"+c.Args["user"]] += n
			sessions += n
		case c.Op == "audit" && c.Args["action"] == "token.mint" && c.Args["outcome"] == "ok":
			minted[c.Args["subject"]]--
		case c.Op == "key":
			made["key:"+c.Args["id"]] = 1
		case c.Op == "audit" && c.Args["action"] == "key.create":
			audited[c.Args["subject"]]++
		case c.Op == "audit" && c.Args["action"] == "key.delete":
			made[c.Args["subject"]] = 1 // its row is gone
		case c.Op == "audit" && c.Args["action"] == "user.delete" && c.Args["outcome"] == "ok":
			deleted[c.Args["subject"]] = true // and the sessions with it
		}
	}
	for name := range made {
		if audited[name] != 1 {
			v.failf("%s was made with %d audit rows", name, audited[name])
		}
	}
	for name := range audited {
		if made[name] == 0 {
			v.failf("%s is in the audit trail and was not made", name)
		}
	}
	for name, n := range minted {
		if n != 0 && !deleted[name] {
			v.failf("%s has %+d sessions more than mints in the audit trail", name, n)
		}
	}
	v.count("%d keys, %d sessions and their audit rows match", len(made), sessions)
}

// deaths checks that every death was survived, and counts them.
func deaths(v *Verdict, calls []record.Call, cycles int) {
	placed, timed, checked := 0, 0, 0
	var slowest time.Duration
	for i := range calls {
		switch c := &calls[i]; c.Op {
		case "death":
			placed++
		case "timed-death":
			timed++
		case "integrity":
			checked++
			if !c.OK() {
				v.fail("the database is damaged", c)
			}
		case "start":
			slowest = max(slowest, c.Took())
		}
	}
	v.enough("deaths", placed+timed, cycles)
	v.count("%d deaths, %d of them at a failpoint or of PostgreSQL; slowest return %d ms; %d integrity checks", placed+timed, placed, slowest.Milliseconds(), checked)
}
