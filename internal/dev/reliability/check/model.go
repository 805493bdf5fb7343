package check

import (
	"math"
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

// chainModel is a session for porcupine. Inputs are calls. A call that was put off may
// have had any effect that it could have, or none.
func chainModel(first string, history []*record.Call) porcupine.Model {
	successors := make(map[string]string)
	for _, c := range history {
		if c.Op == "refresh" && c.OK() {
			successors[c.Args["refresh_token"]] = c.Out["refresh_token"]
		}
	}
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{chain{current: first}} },
		Step: func(state, input, _ any) []any {
			s, c := state.(chain), input.(*record.Call)
			if c.PutOff() {
				return append(steps(s, c, possible(c, successors)...), s)
			}
			got := answer{"401", c.Reason, c.Out["refresh_token"]}
			if c.Status == 200 {
				got.status = "200"
			}
			return steps(s, c, got)
		},
	}
	return m.ToModel()
}

// possible returns the answers that a call which was put off could have had. The name of a
// new token is that by which others know it.
func possible(c *record.Call, successors map[string]string) []answer {
	token := c.Args["refresh_token"]
	successor := successors[token]
	if successor == "" {
		successor = "after " + token
	}
	return []answer{{"200", "", successor}, invalid, used, reused}
}

// steps returns the states after the call for those of the answers that are right.
func steps(s chain, c *record.Call, answers ...answer) (next []any) {
	if c.Op == "revoke" {
		s.dead = true
		if c.Status == 204 || c.PutOff() {
			next = append(next, s)
		}
		return next
	}
	for _, got := range answers {
		if ok, after := refreshStep(s, c.Args["refresh_token"], c.Args["idempotency"], got); ok {
			next = append(next, after)
		}
	}
	return next
}

// Histories checks that the refreshes, retries, replays and revocations of each
// family are linearizable by the rules of a refresh. Ops: "mint", "refresh",
// "revoke". Of a family in which a call was put off, only fork is checked.
func Histories(calls []record.Call, families int) Verdict { return histories(calls, families, false) }

// histories is Histories. If calls were put off on purpose, such families are checked as
// well.
func histories(calls []record.Call, families int, disturbed bool) Verdict {
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
			fork(&v, name, history)
			again++
			if !disturbed {
				continue
			}
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
	if disturbed {
		v.count("calls of %d of the histories were told 503", again)
	} else {
		v.again(again, "families")
	}
	return v
}

// fork finds a token that has two successors, and answers that no rule gives.
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
		end := c.End
		switch {
		case c.PutOff():
			end = math.MaxInt64 // its effect may still come
		case !c.OK() && c.Status != 401:
			v.fail(name+": an answer that is none of the rules'", c)
			return false
		}
		if _, ok := clients[c.Client]; !ok {
			clients[c.Client] = len(clients)
		}
		operations = append(operations, porcupine.Operation{ClientId: clients[c.Client], Input: c, Call: c.Start, Return: end})
	}
	switch porcupine.CheckOperationsTimeout(chainModel(first, history), operations, time.Minute) {
	case porcupine.Ok:
		return true
	case porcupine.Illegal:
		v.fail(name+": no order of these gives these answers", history...)
	default:
		v.failf("%s: %d operations could not be judged in a minute", name, len(history))
	}
	return false
}
