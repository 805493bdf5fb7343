package cluster

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/openwearables/openwearables/internal/ratelimit"
)

// Nodes is what this node knows of the others on its database. It logs once when
// they begin or cease to share what they count with, and once for each other node
// whose settings differ. Safe for concurrent use. A nil *Nodes knows of no other.
type Nodes struct {
	registry Registry
	log      *slog.Logger

	self Node

	all  atomic.Int64 // nodes, with this one
	away atomic.Int64 // nodes that have been missing for long

	mu      sync.Mutex
	others  []Node
	asOf    time.Time          // when others began to be read
	missing map[string]absence // by id, of nodes that are not where this one is
	warned  map[string]bool    // by id, of whose settings was warned
	split   bool
}

// absence is when a node began to be missing, and when it had last announced itself
// then.
type absence struct {
	since  time.Time
	seenAt int64
}

// Join announces the node, under an ID that Join chooses. The caller passes the
// result to Open or OpenDatabase, which announce it each second, and calls Leave at
// the end.
func Join(ctx context.Context, registry Registry, self Node, log *slog.Logger) (*Nodes, error) {
	self.ID = rand.Text()
	n := &Nodes{registry: registry, self: self, log: log, missing: map[string]absence{}, warned: map[string]bool{}}
	return n, n.announce(ctx, false)
}

// Leave withdraws the node.
func (n *Nodes) Leave(ctx context.Context) error {
	if n == nil {
		return nil
	}
	return n.registry.Withdraw(ctx, n.self.ID)
}

// Count returns how many nodes were alive when this one last looked, with this one.
func (n *Nodes) Count() int {
	if n == nil {
		return 1
	}
	return int(n.all.Load())
}

// Differ reports whether the settings of another node are not those of this one.
func (n *Nodes) Differ() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.warned) > 0
}

// Split reports whether another node of the database has not shared what this one
// counts with for some seconds.
func (n *Nodes) Split() bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.split
}

// announce tells the others that this node is alive and reads which of them are.
func (n *Nodes) announce(ctx context.Context, lost bool) error {
	begun := time.Now()
	self := n.self
	self.Lost = lost
	others, err := n.registry.Announce(ctx, self)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.others, n.asOf = others, begun
	n.all.Store(int64(len(others)) + 1)
	n.compareSettings(ctx)
	return nil
}

// keepAnnouncing announces the node each second until ctx ends, and calls then
// each time. A failure shows in what is known growing old.
func (n *Nodes) keepAnnouncing(ctx context.Context, lost func() bool, then func(context.Context)) {
	tick := time.NewTicker(announceEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if n.announce(ctx, lost()) == nil {
				then(ctx)
			}
		}
	}
}

// becomeKnown returns once every other node knows of this one and this one of each
// that started meanwhile, for a node that must count its share from its first
// request on.
func (n *Nodes) becomeKnown(ctx context.Context) error {
	if n == nil {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(announceEvery + announceEvery/2):
		return n.announce(ctx, true)
	}
}

// place is where another node is, as this one sees it.
type place uint8

const (
	here    place = iota // it shares what this node counts with
	elusive              // it may
	lost                 // it has lost its Redis, and asks the database about everything
	apart                // it does not
)

// judge takes in where each of the others is. It returns whether no other is
// elusive or apart, and until when that may be relied on. Call it every second.
func (n *Nodes) judge(ctx context.Context, where func(Node) place) (together bool, until time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := time.Now()
	together = true
	missing := make(map[string]absence)
	var strangers []Node
	away := 0
	for _, o := range n.others {
		at := where(o)
		together = together && (at == here || at == lost)
		if at == here || at == elusive {
			continue
		}
		first, known := n.missing[o.ID]
		if !known {
			first = absence{now, o.SeenAt}
		}
		missing[o.ID] = first
		if now.Sub(first.since) < apartAfter || o.SeenAt == first.seenAt { // it may have died
			continue
		}
		if away++; at == apart {
			strangers = append(strangers, o)
		}
	}
	n.away.Store(int64(away))
	n.missing = missing
	n.tell(ctx, strangers)
	return together, n.asOf.Add(trustLife)
}

// tell logs that nodes are apart, or no longer are.
func (n *Nodes) tell(ctx context.Context, strangers []Node) {
	split := len(strangers) > 0
	if split == n.split {
		return
	}
	n.split = split
	if !split {
		n.log.InfoContext(ctx, "all nodes share one Redis again")
		return
	}
	names := make([]string, 0, len(strangers))
	for _, o := range strangers[:min(len(strangers), 10)] {
		names = append(names, o.Name+": "+named(o.Redis))
	}
	n.log.ErrorContext(ctx, "the nodes of this database do not share one Redis, so that revocations take a second longer "+
		"and each credential is read from the database: give every node the same --redis",
		"node", n.self.Name+": "+named(n.self.Redis), "others", strings.Join(names, ", "))
}

// named returns the name of a Redis, or that there is none.
func named(redis string) string {
	if redis == "" {
		return "no --redis"
	}
	return redis
}

// part returns what this node and those where it is may admit together of a limit:
// the share of each node that has been away for long is left to it.
func (n *Nodes) part(p ratelimit.Policy) ratelimit.Policy {
	if n == nil {
		return p
	}
	if away := n.away.Load(); away > 0 {
		all := n.all.Load()
		p = portion(p, max(1, all-away), all)
	}
	return p
}

// share returns this node's own part of a limit.
func (n *Nodes) share(p ratelimit.Policy) ratelimit.Policy {
	if n != nil {
		p = portion(p, 1, n.all.Load())
	}
	return p
}

// portion returns the policy with some of all parts of its limit, rounded down, so
// that all parts together never exceed it, but not below 1 unless the limit is. What
// costs more than that could never be paid, and costs less.
func portion(p ratelimit.Policy, some, all int64) ratelimit.Policy {
	p.Limit = max(min(p.Limit, 1), int(int64(p.Limit)*some/all))
	p.Cost = min(p.Cost, max(1, p.Limit-1))
	return p
}

// compareSettings warns of each other node whose settings differ, once. Settings
// that one of two releases does not know are not compared.
func (n *Nodes) compareSettings(ctx context.Context) {
	warned := make(map[string]bool)
	for _, o := range n.others {
		if n.warned[o.ID] {
			warned[o.ID] = true
			continue
		}
		if differing := differences(n.self.Settings, o.Settings); differing != "" {
			warned[o.ID] = true
			n.log.WarnContext(ctx, "two nodes of this database have different settings: give every node the same",
				"node", n.self.Name, "other", o.Name, "settings", differing)
		}
	}
	n.warned = warned
}

// differences names the settings that both have and that differ, with both values.
func differences(ours, theirs string) string {
	var here, there map[string]string
	if ours == theirs || json.Unmarshal([]byte(ours), &here) != nil || json.Unmarshal([]byte(theirs), &there) != nil {
		return ""
	}
	var differing []string
	for _, name := range slices.Sorted(maps.Keys(here)) {
		if other, known := there[name]; known && other != here[name] {
			differing = append(differing, fmt.Sprintf("--%s %s, not %s", name, here[name], other))
		}
	}
	return strings.Join(differing, "; ")
}
