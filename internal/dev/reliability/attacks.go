package main

import (
	"fmt"

	"github.com/openwearables/openwearables/internal/dev/reliability/check"
	"github.com/openwearables/openwearables/internal/dev/reliability/stack"
)

const mib = 1 << 20

// unlimited are flags under which no limit of a minute stops an attack: what a call
// costs is seen.
func unlimited(more ...string) []string { return append(stack.Unlimited(), more...) }

var (
	onBodies = attack{
		flags: unlimited("--reflection"), begin: bodies,
		costs: check.Costs{Hostile: 50, Memory: 48 * mib, PerCall: 64},
	}
	onLists = attack{
		flags: unlimited(), begin: lists,
		costs: check.Costs{Hostile: 4, Memory: 96 * mib, Growth: 4 * mib},
	}
	onConnections = attack{
		flags: unlimited("--max-connections", fmt.Sprint(allowed), "--max-address-connections", fmt.Sprint(allowedAddress)),
		begin: connections, fresh: true,
		costs: check.Costs{Hostile: 100, Memory: 32 * mib, PerCall: 64},
	}
	onTokens = attack{
		flags: unlimited(), begin: junk,
		costs: check.Costs{Hostile: 100, Memory: 32 * mib, PerCall: 64},
	}
	onBulk = attack{
		begin: bulk,
		costs: check.Costs{Hostile: 4, Memory: 96 * mib, Growth: 64 * mib},
	}
	onSearch = attack{
		flags: unlimited(), begin: search,
		costs: check.Costs{Hostile: 8, Memory: 64 * mib, Growth: 4 * mib},
	}
	onRemove = attack{
		flags: unlimited(), begin: remove,
		costs: check.Costs{Hostile: 3, Memory: 160 * mib},
	}
	onLogins = attack{
		begin: flood,
		costs: check.Costs{Hostile: 50, Memory: 64 * mib, PerCall: 2048},
	}
)
