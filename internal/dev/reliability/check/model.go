package check

import (
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/openwearables/openwearables/internal/dev/reliability/record"
)

// raceWindow is how long a second use without a key counts as a race. The model has
// no time, so longer histories are not checked.
const raceWindow = 10 * time.Second

// chain is a session as its refresh tokens show it.
type chain struct {
	current, parent string
	by              string // the key that made current, "" = none
	older           string // the tokens before parent
	dead            bool
}

// answer is the answer to a refresh or a revocation.
type answer struct{ status, reason, successor string }

var (
	invalid = answer{"401", "invalid_refresh_token", ""}
	used    = answer{"401", "refresh_token_used", ""}
	reused  = answer{"401", "refresh_token_reused", ""}
)

// refreshStep reports whether the answer is right in the state, and returns the next
// state.
func refreshStep(s chain, token, key string, got answer) (bool, chain) {
	ended := s
	ended.dead = true
	switch {
	case s.dead:
		return got == invalid, s
	case token == s.current:
		fresh := got.successor != "" && got.successor != s.current && got.successor != s.parent && !s.before(got.successor)
		next := chain{current: got.successor, parent: s.current, by: key, older: s.older + " " + s.parent}
		return got.status == "200" && fresh, next
	case token == s.parent && s.by != "" && key != "":
		if key == s.by {
			return got.status == "200" && got.successor == s.current, s
		}
		return got == reused, ended
	case token == s.parent:
		return got == used, s
	case s.before(token):
		return got == reused, ended
	default: // a token that is yet to come
		return false, s
	}
}

func (s chain) before(token string) bool { return slices.Contains(strings.Fields(s.older), token) }

// chainModel is a session for porcupine. Inputs and outputs are calls.
func chainModel(first string) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return chain{current: first} },
		Step: func(state, input, output any) (bool, any) {
			s, in, out := state.(chain), input.(*record.Call), output.(*record.Call)
			if in.Op == "revoke" {
				s.dead = true
				return out.Status == 204, s
			}
			got := answer{"401", out.Reason, out.Out["refresh_token"]}
			if out.Status == 200 {
				got.status = "200"
			}
			ok, next := refreshStep(s, in.Args["refresh_token"], in.Args["idempotency"], got)
			return ok, next
		},
	}
}

// Histories checks that the refreshes, retries, replays and revocations of each
// family are linearizable by the rules of a refresh. Ops: "mint", "refresh",
// "revoke". Of a family in which a call was put off, only fork is checked.
func Histories(calls []record.Call, families int) Verdict {
	var v Verdict
	checked, operations, slow, again := 0, 0, 0, 0
	outcomes := make(map[string]int)
	for name, all := range by(calls, family) {
		minted, history := with(all, "mint"), with(all, "refresh", "revoke")
		if len(minted) != 1 || len(history) == 0 {
			continue
		}
		if took(history) > raceWindow {
			slow++
			continue
		}
		if slices.ContainsFunc(history, (*record.Call).PutOff) {
			again++
			fork(&v, name, history)
			continue
		}
		if !linear(&v, name, minted[0].Out["refresh_token"], history) {
			continue
		}
		checked++
		operations += len(history)
		for _, c := range history {
			outcomes[outcome(c)]++
		}
	}
	v.enough("histories", checked, families-families/10)
	v.count("%d histories of %d operations are linear (%d rotations, %d replays, %d used, %d reused, %d invalid), %d took too long to be judged",
		checked, operations, outcomes["rotated"], outcomes["replayed"], outcomes["refresh_token_used"], outcomes["refresh_token_reused"],
		outcomes["invalid_refresh_token"], slow)
	v.again(again, "families")
	return v
}

// fork finds a token that has two successors, and answers that no rule gives. No
// more can be checked of a history in which the outcome of some calls is unknown.
func fork(v *Verdict, name string, history []*record.Call) {
	first := make(map[string]*record.Call)
	for _, c := range history {
		if !c.OK() && c.Status != 401 && !c.PutOff() {
			v.fail(name+": an answer that is none of the rules'", c)
		}
		if token := c.Args["refresh_token"]; c.Op == "refresh" && c.OK() {
			if other := first[token]; other != nil && other.Out["refresh_token"] != c.Out["refresh_token"] {
				v.fail(name+": a token has two successors", other, c)
			}
			first[token] = c
		}
	}
}

func outcome(c *record.Call) string {
	switch {
	case !c.OK():
		return c.Reason
	case c.Op == "revoke":
		return "revoked"
	case c.Out["Idempotent-Replayed"] != "":
		return "replayed"
	default:
		return "rotated"
	}
}

func took(calls []*record.Call) time.Duration {
	first, last := calls[0].Start, calls[0].End
	for _, c := range calls {
		first, last = min(first, c.Start), max(last, c.End)
	}
	return time.Duration(last - first)
}

func linear(v *Verdict, name, first string, history []*record.Call) bool {
	operations := make([]porcupine.Operation, 0, len(history))
	clients := make(map[string]int)
	for _, c := range history {
		if !c.OK() && c.Status != 401 {
			v.fail(name+": an answer that is none of the rules'", c)
			return false
		}
		if _, ok := clients[c.Client]; !ok {
			clients[c.Client] = len(clients)
		}
		operations = append(operations, porcupine.Operation{ClientId: clients[c.Client], Input: c, Output: c, Call: c.Start, Return: c.End})
	}
	switch porcupine.CheckOperationsTimeout(chainModel(first), operations, time.Minute) {
	case porcupine.Ok:
		return true
	case porcupine.Illegal:
		v.fail(name+": no order of these gives these answers", history...)
	default:
		v.failf("%s: %d operations could not be judged in a minute", name, len(history))
	}
	return false
}
