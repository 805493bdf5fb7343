package main

import (
	"fmt"
	"net/http"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// shifts are how far the clock of one node is ahead of the others'.
var shifts = []time.Duration{19 * time.Second, -19 * time.Second, 50 * time.Second, -50 * time.Second}

// far is the shift beyond which a node must not be ready.
const far = 20 * time.Second

// shortLife is how long a key, or the old secret of one, is valid.
const shortLife = 10 * time.Second

// clocks sets the clock of one of three nodes.
func clocks(t *trial) (check.Verdict, error) {
	rounds := t.size(1, 3, "times each shift")
	w, err := t.enter()
	if err == nil {
		err = t.lab.BuildShifted()
	}
	for range rounds {
		for _, shift := range shifts {
			if err == nil {
				err = w.underShift(shift)
			}
		}
	}
	if err != nil {
		return check.Verdict{}, err
	}
	calls, err := t.log.Read()
	return check.Clocks(calls, rounds*len(shifts)/2), err
}

func (w *world) underShift(shift time.Duration) error {
	if err := w.stray(func(n *stack.Node) { n.Shift = shift }); err != nil {
		return err
	}
	time.Sleep(2 * time.Second) // for the node to compare its clock
	ready := w.to(2, client.Request{Op: "ready", Of: shift.String(), Method: http.MethodGet, Path: "/readyz"})
	if shift.Abs() > far {
		ready.Op = "unready"
		w.root.Do(w.ctx, ready)
		return nil
	}
	w.root.Do(w.ctx, ready)
	for from := range 3 {
		who := map[string]any{"email": stack.Email, "password": w.stack.Password}
		a, err := w.want(w.root, w.to(from, w.at(0, "login", "", "POST", "/auth/login", "", who)))
		if err != nil {
			return err
		}
		for at := range 3 {
			w.use(at, "valid", shift, w.me(a.Str("access_token")), nil)
		}
	}
	return w.expire(shift)
}

// expire uses a key and the old secret of another before and after their ends.
func (w *world) expire(shift time.Duration) error {
	until := map[string]string{"until": fmt.Sprint(w.log.Now() + int64(shortLife-time.Second))} // the end is cut to a second
	ends := time.Now().Add(shortLife).UTC().Format(time.RFC3339)
	short, err := w.want(w.root, w.at(0, "create-key", "", "POST", "/api-keys", w.admin, map[string]any{"expires_at": ends}))
	if err != nil {
		return err
	}
	id, old, err := w.createKey(0)
	if err == nil {
		overlap := map[string]any{"overlap_seconds": int(shortLife.Seconds())}
		_, err = w.want(w.root, w.at(0, "rotate-key", "", "POST", "/api-keys/"+id+"/rotate", w.admin, overlap))
	}
	if err != nil {
		return err
	}
	use := func(op string) {
		for at := range 3 {
			w.use(at, op, shift, w.useKey(short.Str("key")), until)
			w.use(at, op, shift, w.useKey(old), until)
		}
	}
	use("valid")
	time.Sleep(shortLife + time.Second)
	use("ended")
	return w.ctx.Err()
}

func (w *world) use(node int, op string, shift time.Duration, r client.Request, args map[string]string) {
	r = w.to(node, r)
	r.Op, r.Of, r.Args = op, shift.String(), args
	w.root.Insist(w.ctx, r)
}
