package scenario_test

import (
	"crypto/rand"
	"testing"
)

// TestRetriedChangePassword loses the first answer to a ChangePassword. A repetition with its key
// succeeds, although the current password is no longer that, and does nothing. One with other
// passwords is refused, and counts as a guess.
func TestRetriedChangePassword(t *testing.T) {
	t.Parallel()
	onEachSurface(t, func(t *testing.T, n *node, d driver) {
		mine, _ := n.login(t, d)
		before, key := n.password, "retried-"+rand.Text()
		change := func(from, to string, o ...option) answer {
			in := args{"current_password": from, "new_password": to, "confirm_password": to}
			return d.call(t, "ChangePassword", in, append(o, bearer(mine))...)
		}
		after := before + " and more"
		lost := change(before, after, idempotent(key)).want(t, 200, "")
		n.password = after
		other, _ := n.login(t, d)
		changes := n.countEffects(t, "developer.password_change")
		again := change(before, after, idempotent(key))
		sameAnswer(t, "a retry", lost, again)
		if again.Header.Get("Idempotent-Replayed") != "true" {
			t.Error("a retry is not marked as one")
		}
		if made := n.countEffects(t, "developer.password_change") - changes; made != 0 {
			t.Errorf("a retry took effect %d times", made)
		}
		d.call(t, "GetMe", nil, bearer(other)).want(t, 200, "") // a retry ends no session

		change(before, after).want(t, 400, "incorrect_password")
		change(before, after, idempotent(key+"2")).want(t, 400, "incorrect_password")
		change(before, before+" or less", idempotent(key)).want(t, 422, "idempotency_key_reused")
		guesses := 0
		for ; guesses < 20; guesses++ {
			if a := change(before, before+" or less", idempotent(key)); a.Status != 422 {
				a.want(t, 429, "rate_limited")
				break
			}
		}
		if guesses != 7 {
			t.Errorf("%d guesses under a used key, after three wrong passwords, want 7", guesses)
		}
		change(before, after, idempotent(key)).want(t, 429, "rate_limited")
	})
}
