package cluster

import (
	"context"
	"time"
)

const (
	// NodeLife is how long after its last announcement a node counts as alive. It is
	// longer than trustLife and an exchange with the database together: a node that
	// the others have forgotten no longer trusts versions.
	NodeLife = 10 * time.Second
	// announceEvery is how often a node announces itself.
	announceEvery = time.Second
	// trustLife is how long what was last read of the other nodes may be relied on.
	trustLife = 5 * time.Second
	// apartAfter is how long another node must be missing from this node's Redis
	// until that counts as a mistake of the settings. A new Redis, or one that was
	// flushed, has all nodes within a beat.
	apartAfter = 3 * time.Second
)

// Node is one process that serves the database, as it describes itself.
type Node struct {
	ID       string // new at each start
	Name     string // for people: its machine and address
	Redis    string // HOST:PORT/NUMBER of its Redis, without credentials; "" = none
	Lost     bool   // its Redis is lost, so that it asks the database about everything
	Settings string // those that must be equal on all nodes: a JSON object of texts
	SeenAt   int64  // when it last announced itself, in microseconds by the database's clock
}

// Registry is where the nodes of one database meet, whatever Redis they are on.
// Safe for concurrent use.
type Registry interface {
	// Announce records that the node is alive now, and then returns the others that
	// have announced themselves within NodeLife, by the database's clock. Of two
	// nodes that announce themselves at least one gets the other.
	Announce(ctx context.Context, n Node) ([]Node, error)
	// Withdraw takes back what the node announced.
	Withdraw(ctx context.Context, id string) error
}
