package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/client"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// promoter makes the standby of PostgreSQL the primary, in the midst of calls.
type promoter struct {
	*world
	writers  []*writer
	families string // the user whose sessions they are
	probes   atomic.Int64
}

// newPromoter prepares the calls.
func (t *trial) newPromoter() (*promoter, error) {
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return nil, err
	}
	p, stop := &promoter{world: w, writers: make([]*writer, 8)}, new(atomic.Bool)
	for i := range p.writers {
		if p.writers[i], err = w.writer(i, stop); err != nil {
			return nil, err
		}
	}
	p.families, err = w.user(0)
	return p, err
}

func (p *promoter) close() {
	for _, w := range p.writers {
		w.caller.Close()
	}
}

func promotion(t *trial) (check.Verdict, error) {
	promotions := t.size(1, 6, "promotions, each with "+fmt.Sprint(len(endings))+" ways to end")
	p, err := t.newPromoter()
	if err != nil {
		return check.Verdict{}, err
	}
	defer p.close()
	for n := range promotions {
		if err == nil && n > 0 {
			err = p.log.Event("rebuild", "", 0, p.stack.Pair.Rebuild)
		}
		if err == nil {
			err = p.cycle(p.writers, n, p.replace, true)
		}
	}
	calls, failed := t.log.Read()
	return check.Promotions(calls, promotions, len(p.stack.Nodes), len(endings)), errors.Join(err, failed)
}

// replace replaces the primary while all work, and then restarts a node beside the
// former one.
func (p *promoter) replace(_ *world, cycle int, work func()) error {
	stop := make(chan struct{})
	errs := make([]error, 6)
	var all sync.WaitGroup
	all.Go(work)
	for lane := range errs {
		all.Go(func() { errs[lane] = p.refreshFamilies(fmt.Sprintf("family-%d-%d", cycle, lane), stop) })
	}
	c := p.startCallers(p.everywhere()...)
	err := c.batch(cycle, func([]*credential) (func() error, error) {
		done := make(chan error, 1)
		time.AfterFunc(time.Duration(rand.IntN(40))*time.Millisecond, func() { done <- p.promote() })
		return func() error {
			if err := <-done; err != nil {
				return err
			}
			return p.letReturn()
		}, nil
	})
	c.close()
	close(stop)
	p.writers[0].stop.Store(true) // of all
	all.Wait()
	if err := errors.Join(err, errors.Join(errs...)); err != nil {
		return err
	}
	n := p.stack.Nodes[cycle%len(p.stack.Nodes)]
	n.Kill()
	return p.log.Event("restart", "", n.Index, func() error { return n.Start("") })
}

// unnoticed is how long a primary is dead until its standby is promoted, or up to twice
// that.
const unnoticed = time.Second

// promote kills the primary, promotes the standby, and returns when each node has
// written.
func (p *promoter) promote() error {
	err := p.log.Event("death", "the primary", 0, func() error { p.stack.Postgres.Kill(); return nil })
	time.Sleep(unnoticed + rand.N(unnoticed))
	if err == nil {
		err = p.restart(p.stack.Promote)
	}
	if err != nil {
		return err
	}
	return p.stack.Each(func(n *stack.Node) error {
		return p.log.Event("recovered", "", n.Index, func() error { return p.write(n.Index) })
	})
}

// letReturn starts the former primary as a standby, and makes each node write.
func (p *promoter) letReturn() error {
	if err := p.log.Event("return", "", 0, p.stack.Pair.Demote); err != nil {
		return err
	}
	return p.stack.Each(func(n *stack.Node) error {
		for range 10 {
			if err := p.write(n.Index); err != nil {
				return err
			}
			time.Sleep(50 * time.Millisecond)
		}
		return nil
	})
}

// write makes a node create a key, which it may put off for 20 seconds.
func (p *promoter) write(node int) error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		r := p.to(node, p.at(0, "create-key", "", "POST", "/api-keys", p.admin, nil))
		r.ID = fmt.Sprint("probe-", p.probes.Add(1))
		a := p.root.Do(p.ctx, r)
		if a.OK() {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("node %d does not write: %v", node, a)
		}
	}
}

// refreshFamilies makes one family of refreshes after the other, by two clients each, until
// stop is closed.
func (p *promoter) refreshFamilies(name string, stop <-chan struct{}) error {
	for i := 0; ; i++ {
		select {
		case <-stop:
			return p.ctx.Err()
		default:
		}
		c := &chain{name: fmt.Sprint(name, "-", i), user: p.families}
		first, err := p.mint(i, p.families, c.name)
		if err != nil {
			return err
		}
		c.learn(first)
		workers(2, func(n int) {
			caller := client.New(p.log, fmt.Sprint("client-", n))
			defer caller.Close()
			const operations = 20
			for step, putOff := 0, 0; step < operations && putOff < 3; step++ {
				if a := p.step(caller, c, n, i%3 == 0, step > operations/2); a.Status == http.StatusServiceUnavailable {
					putOff++
					time.Sleep(300 * time.Millisecond)
				}
			}
		})
	}
}

// behind is how long the standby has received nothing when the primary is killed.
const behind = 500 * time.Millisecond

// promotionBehind promotes a standby that has not received all that was acknowledged.
func promotionBehind(t *trial) (check.Verdict, error) {
	t.sizes = append(t.sizes, fmt.Sprintf("a promotion of a standby that is %v behind", behind))
	p, err := t.newPromoter()
	if err != nil {
		return check.Verdict{}, err
	}
	defer p.close()
	err = p.cycle(p.writers, 0, p.lose, true)
	calls, failed := t.log.Read()
	return check.PromotionBehind(calls, len(p.stack.Nodes)), errors.Join(err, failed)
}

// lose kills the primary after the standby has received nothing for a while, in which
// sessions are revoked.
func (p *promoter) lose(_ *world, _ int, work func()) error {
	sessions := make([]pair, 4)
	for i := range sessions {
		var err error
		if sessions[i], err = p.mint(i, p.families, early(i)); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	all.Go(work)
	time.Sleep(time.Second)
	err := p.log.Event("part", "", 0, p.stack.Pair.Part)
	for i, s := range sessions {
		r := p.at(i, "revoke", early(i), "POST", "/auth/revoke", "", map[string]any{"refresh_token": s.refresh})
		r.ID = early(i)
		p.root.Do(p.ctx, r)
	}
	if err == nil {
		time.Sleep(behind)
		err = p.promote()
	}
	p.writers[0].stop.Store(true) // of all
	all.Wait()
	for i, s := range sessions {
		p.root.Insist(p.ctx, p.at(i, "access", early(i), "GET", "/users/"+p.families, s.access, nil))
	}
	return err
}

// early names a session that there is before the standby is behind.
func early(i int) string { return fmt.Sprint("token:early-", i) }
