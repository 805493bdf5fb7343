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

// countedKeys is how many keys are used at once, each by two clients.
const countedKeys = 4

// usage uses keys until all nodes are drained, and while nodes are killed. At the
// end it reads what was counted, from the tables and from every node.
func usage(t *trial) (check.Verdict, error) {
	drains := t.size(1, 5, "drains of all nodes")
	kills := t.size(2, 20, "kills of a node")
	w, err := t.enter(stack.Unlimited()...)
	if err != nil {
		return check.Verdict{}, err
	}
	user, err := w.user(0)
	var keys []string
	for round := range drains + kills {
		if err == nil {
			var some []string
			some, err = w.countRound(user, round >= drains)
			keys = append(keys, some...)
		}
	}
	if err == nil {
		err = w.drain()
	}
	if err == nil {
		err = w.readCounts()
	}
	if err == nil {
		err = w.startAll()
	}
	for _, id := range keys {
		if err == nil {
			err = w.readReports(id)
		}
	}
	calls, failed := t.log.Read()
	return check.Usage(calls, len(keys), kills), errors.Join(err, failed)
}

// countRound uses new keys over all nodes for one to three seconds, and returns their
// ids. Then it kills and starts a node under the load, or drains all nodes after it.
func (w *world) countRound(user string, kill bool) ([]string, error) {
	keys := make([]pair, countedKeys) // secrets, and ids
	ids := make([]string, countedKeys)
	for i := range keys {
		id, secret, err := w.createKey(i)
		if err != nil {
			return nil, err
		}
		keys[i], ids[i] = pair{access: secret, refresh: id}, id
	}
	var stop atomic.Bool
	var all sync.WaitGroup
	for i := range 2 * countedKeys {
		all.Go(func() { w.makeCounted(i, keys[i%countedKeys].refresh, keys[i%countedKeys].access, user, &stop) })
	}
	time.Sleep(time.Second + time.Duration(rand.IntN(2000))*time.Millisecond)
	var err error
	if kill {
		n := w.stack.Nodes[rand.IntN(len(w.stack.Nodes))]
		err = w.log.Event("death", "", n.Index, func() error { n.Kill(); return nil })
		if err == nil {
			err = n.Start("")
		}
		time.Sleep(300 * time.Millisecond)
	}
	stop.Store(true)
	all.Wait()
	if err == nil && !kill {
		if err = w.drain(); err == nil {
			err = w.startAll()
		}
	}
	return ids, errors.Join(err, w.ctx.Err())
}

// makeCounted makes calls with a key until it is stopped: some succeed, some are
// refused.
func (w *world) makeCounted(i int, id, secret, user string, stop *atomic.Bool) {
	caller := client.New(w.log, fmt.Sprint("client-", i))
	defer caller.Close()
	for n := i; !stop.Load() && w.ctx.Err() == nil; n++ {
		operation, path := "GetUser", "/users/"+user
		switch rand.IntN(4) {
		case 1:
			path = "/users/00000000-0000-4000-8000-000000000000"
		case 2:
			operation, path = "ListKeys", "/api-keys"
		}
		r := w.at(n, "counted", id, http.MethodGet, path, secret, nil)
		r.Args = map[string]string{"operation": operation}
		if a := caller.Do(w.ctx, r); a.Status == 0 {
			time.Sleep(10 * time.Millisecond) // the node is dead
		}
	}
}

// drain ends all nodes as a deployment does.
func (w *world) drain() error {
	return w.stack.Each(func(n *stack.Node) error {
		return w.log.Event("drain", "", n.Index, func() error {
			n.Terminate()
			err := n.Await()
			if err == nil && n.Exit() != 0 {
				err = fmt.Errorf("it ended with status %d", n.Exit())
			}
			return err
		})
	})
}

func (w *world) startAll() error {
	return w.stack.Each(func(n *stack.Node) error { return n.Start("") })
}

// readCounts records the rows that count requests of keys: "row"s by resolution and
// operation, and the "day"s by which the account tells its keys apart.
func (w *world) readCounts() error {
	db, err := w.database()
	if err != nil {
		return err
	}
	defer db.Close()
	return errors.Join(
		w.rows(db, "row", []string{"subject", "resolution", "operation", "requests", "refused"}, `SELECT subject, CAST(resolution AS TEXT), name,
			CAST(sum(requests) AS TEXT), CAST(sum(refused) AS TEXT) FROM usage_counts
			WHERE subject LIKE 'key:%' AND dimension = 1 GROUP BY subject, resolution, name`),
		w.rows(db, "day", []string{"subject", "requests", "refused"}, `SELECT 'key:' || name,
			CAST(sum(requests) AS TEXT), CAST(sum(refused) AS TEXT) FROM usage_counts
			WHERE subject = 'account' AND dimension = 4 GROUP BY name`))
}

// readReports records what each node reports of the key.
func (w *world) readReports(id string) error {
	for i := range w.stack.Nodes {
		a, err := w.want(w.root, w.at(i, "read", id, http.MethodGet, "/api-keys/"+id+"/usage?resolution=day", w.admin, nil))
		if err != nil {
			return err
		}
		totals, _ := a.Body["totals"].(map[string]any)
		w.note("report", id, i, map[string]string{"requests": fmt.Sprintf("%.0f", totals["requests"]), "refused": fmt.Sprintf("%.0f", totals["refused"])})
	}
	return nil
}
