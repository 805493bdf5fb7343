package main

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

// attack is what one caller does to all others.
type attack struct {
	flags []string // of the nodes
	costs check.Costs
	fresh bool // the others make each call on a connection of its own
	// begin prepares the attack and returns what its attacker does until the context
	// ends. Each of its calls is recorded as "hostile".
	begin func(w *world) (func(context.Context, *hostile), error)
}

// Addresses of this machine that the callers have. The nodes trust the proxy, so that
// whoever calls through it has the address that it chooses.
const (
	throughProxy = "127.0.0.9"
	hostileFrom  = "127.0.66.1"
)

// settle is how long the others call before that counts.
const settle = time.Second

// trial returns the proof: the others call at a steady rate, first while all is quiet
// and then under the attack.
func (a attack) trial(t *trial) (check.Verdict, error) {
	// The clients and the attacker share this process: who is due finds a thread at once,
	// and the time until an answer is that of the nodes.
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(8 * runtime.NumCPU()))
	length := time.Duration(t.size(6, 20, "seconds quiet and under attack")) * time.Second
	w, err := t.enter(append([]string{"--trusted-proxies", throughProxy}, a.flags...)...)
	if err != nil {
		return check.Verdict{}, err
	}
	attacker, err := a.begin(w)
	if err != nil {
		return check.Verdict{}, err
	}
	o, err := w.newOthers(a.fresh)
	if err != nil {
		return check.Verdict{}, err
	}
	o.start()
	time.Sleep(settle)
	err = w.phase("quiet", length, o, func(ctx context.Context) { <-ctx.Done() })
	if err == nil {
		err = w.phase("attack", length, o, func(ctx context.Context) { attacker(ctx, w.newHostile()) })
	}
	o.close()
	if err != nil {
		return check.Verdict{}, err
	}
	calls, err := t.log.Read()
	return check.OneAgainstAll(calls, a.costs), err
}

// phase lets the others call for a time beside act, and records what the nodes hold
// at most in it, and the size of the database.
func (w *world) phase(name string, length time.Duration, o *others, act func(context.Context)) error {
	if name == "quiet" {
		if err := w.recordDisk("begin"); err != nil {
			return err
		}
	}
	if err := w.stack.Each((*stack.Node).ResetPeak); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, length)
	defer cancel()
	_ = w.log.Event("phase", name, 0, func() error {
		o.phase.Store(&name)
		act(ctx)
		<-ctx.Done()
		none := ""
		o.phase.Store(&none)
		return nil
	})
	for _, n := range w.stack.Nodes {
		peak, err := n.Peak()
		if err != nil {
			return err
		}
		w.note("memory", name, n.Index, map[string]string{"bytes": fmt.Sprint(peak)})
	}
	return w.recordDisk(name)
}

// recordDisk records how many bytes the database takes, in the WAL or not.
func (w *world) recordDisk(of string) error {
	db, err := w.database()
	if err != nil {
		return err
	}
	defer db.Close()
	query := "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
	if w.stack.Postgres != nil {
		query = "SELECT pg_database_size(current_database())"
	}
	var size int64
	if err := db.QueryRowContext(w.ctx, query).Scan(&size); err != nil {
		return err
	}
	w.note("disk", of, 0, map[string]string{"bytes": fmt.Sprint(size)})
	return nil
}
