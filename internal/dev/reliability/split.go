package main

import (
	"fmt"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// noticing is how long nodes have to notice that one of them is not in their Redis.
const noticing = 10 * time.Second

// split starts one of three nodes with another Redis than the others, or with none.
func split(t *trial) (check.Verdict, error) {
	batches := t.size(1, 6, fmt.Sprintf("times %d ways to end, with each mistake", len(endings)))
	w, err := t.enter(unlimited("--limit-login-account", fmt.Sprint(guessLimit))...)
	if err != nil {
		return check.Verdict{}, err
	}
	mistakes := map[string]string{"other-redis": w.stack.RedisURL() + "/3", "no-redis": ""}
	n := 0
	for name, redis := range mistakes {
		if err := w.stray(func(n *stack.Node) { n.Flags = []string{"--redis", redis} }); err != nil {
			return check.Verdict{}, err
		}
		time.Sleep(noticing)
		c := w.startCallers(w.everywhere()...)
		for range batches {
			if err == nil {
				err = c.batch(n, nil)
			}
			n++
		}
		c.close()
		email := name + "@example.com"
		if err == nil {
			err = w.stack.Run(w.stack.Password+"\n", "developer", "create", "--email", email, "--password-stdin")
		}
		if err == nil {
			err = w.guess(email, 4*guessLimit)
		}
		if err != nil {
			return check.Verdict{}, fmt.Errorf("%s: %w", name, err)
		}
	}
	calls, err := t.log.Read()
	v := check.Ended(calls, n*len(endings), true)
	v.Merge(check.Guesses(calls, len(mistakes), guessLimit))
	return v, err
}

// stray restarts the last node after a change.
func (w *world) stray(change func(*stack.Node)) error {
	n := w.stack.Nodes[len(w.stack.Nodes)-1]
	n.Terminate()
	if err := n.Await(); err != nil {
		return err
	}
	change(n)
	return n.Start("")
}
