package main

import (
	"fmt"
	"net/http"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// burst is how many refreshes of one token arrive at once.
const burst = 64

func singleUse(t *trial) (check.Verdict, error) {
	families := t.size(15, 200, "tokens without a key, with one, with 64")
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	user, err := w.user(0)
	if err != nil {
		return check.Verdict{}, err
	}
	for _, kind := range []string{"none", "one", "each"} {
		err := until(families, func(i int) (whole bool, err error) {
			return w.burst(user, kind, fmt.Sprintf("%s-%d", kind, i))
		})
		if err != nil {
			return check.Verdict{}, err
		}
	}
	calls, err := t.log.Read()
	return check.SingleUse(calls, burst, families), err
}

// burst spends one token 64 times at once, over all nodes. It is whole if no call was
// put off.
func (w *world) burst(user, kind, family string) (whole bool, err error) {
	tokens, err := w.mint(0, user, family)
	if err != nil {
		return false, err
	}
	requests := make([]client.Request, burst)
	for i := range requests {
		key := map[string]string{"none": "", "one": family, "each": fmt.Sprint(family, "-", i)}[kind]
		requests[i] = w.refresh(i, "burst", family, tokens.refresh, key)
	}
	answers, err := client.Burst(w.log, requests)
	if err != nil {
		return false, fmt.Errorf("%s: %w", family, err)
	}
	won := pair{refresh: tokens.refresh, access: tokens.access}
	for _, a := range answers {
		if a.Status == http.StatusServiceUnavailable {
			return false, w.ctx.Err()
		}
		if a.OK() {
			won = pair{a.Str("access_token"), a.Str("refresh_token")}
		}
	}
	w.root.Insist(w.ctx, w.at(1, "access", family, "GET", "/users/"+user, won.access, nil))
	w.root.Insist(w.ctx, w.refresh(2, "successor", family, won.refresh, ""))
	return true, w.ctx.Err()
}
