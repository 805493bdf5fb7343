package main

import "github.com/openwearables/openwearables/internal/dev/reliability/stack"

// proofs are all there are.
var proofs = []proof{
	{
		name: "single-use", run: singleUse, shapes: []stack.Shape{stack.SQLite, stack.PG1, stack.PG3},
		means: "64 refreshes with one refresh token arrive at once, as one write of one HTTP/2 connection to each node. Without a retry key exactly one gets a new pair, the others get refresh_token_used, and the new pair works; with one key all get the same refresh token; with a key each at most one gets a pair and the session is over.",
	},
	{
		name: "refresh-histories", run: histories, shapes: []stack.Shape{stack.SQLite, stack.PG3},
		means: "Four clients at a time refresh, retry, replay and revoke one session in every mixture. Every history is linearizable by the five rules of a refresh (porcupine).",
	},
	{
		name: "refresh-vs-end", run: survivors, shapes: []stack.Shape{stack.SQLite, stack.PG1, stack.PG3},
		means: "Four clients refresh a session while it is ended by its revocation, by ending the user's tokens, by deleting the user or the application. Once the end is acknowledged, no refresh or access token that was ever issued is accepted.",
	},
	{
		name: "revocation", run: revocation, shapes: []stack.Shape{stack.SQLite, stack.PG3, stack.PGOnly},
		means: "Eight clients use credentials on all nodes while keys are deleted, rotated and disabled, developers log out, sessions, users, applications and tokens are revoked or deleted, and a developer is disabled at the command line. No use that began after the answer is accepted by any node, and neither a use before it nor a use of a new secret is refused.",
	},
	{
		name: "revocation-faults", run: disturbed, shapes: []stack.Shape{stack.PG3, stack.PGOnly},
		means: "The same while Redis is killed and restarted empty, is paused for 5 seconds, is flushed every 5 ms; and with a node that is paused, receives uses after the end, and continues.",
	},
	{
		name: "revoker-killed", run: revokerKilled, shapes: []stack.Shape{stack.PG3},
		means: "The node that ends a credential is killed after the commit and before it notifies the others, or after that and before the answer. Although the end was never acknowledged, no other node accepts the credential for longer than a second after the death (and half a second for the machine).",
	},
	{
		name: "kill", run: durable(8, 300, "kills", killNode), shapes: []stack.Shape{stack.SQLite},
		means: killMeans,
	},
	{
		name: "kill", run: durable(4, 150, "kills", killNode), shapes: []stack.Shape{stack.PG1},
		means: killMeans,
	},
	{
		name: "kill-postgres", run: durable(2, 50, "crashes of PostgreSQL", killPostgres), shapes: []stack.Shape{stack.PG1},
		means: "The same while PostgreSQL itself is ended by `pg_ctl -m immediate` under a node that goes on.",
	},
	{
		name: "kill-both", run: durable(2, 50, "crashes of both", killBoth), shapes: []stack.Shape{stack.PG1},
		means: "The same while the node and PostgreSQL are killed together.",
	},
	{
		name: "power-loss", run: powerLoss, shapes: []stack.Shape{stack.SQLite},
		means: "strace records what the process writes to its files, and syncs, while clients write. From that, images are built of what a loss of power at some time could have left: all that was synced, and any part of the rest, torn at sectors and in any order. A node starts on each such image without repair, its database is whole, every write that was acknowledged before the loss is there, every other one is there as a whole or not at all, and what was revoked stays revoked. A lone write is synced before its answer.",
	},
	{
		name: "disk-full", run: diskFull, shapes: []stack.Shape{stack.SQLite},
		means: "The file system that the database is on is filled to the last block, or nearly, for 1.5 seconds while clients write and read. Every write succeeds or gets 503 with Retry-After and a detail, all within 2 seconds; reads succeed, and ended keys are refused. When there is room again, writes succeed within 2 seconds without a restart; the database is whole, and what was acknowledged is there, what was not as a whole or not at all.",
	},
	{
		name: "limits", run: limits, shapes: []stack.Shape{stack.SQLite, stack.PG3, stack.PGOnly},
		means: "1500 calls with one key are made at once over all nodes, where 1000 a minute are allowed. Exactly 1000 are admitted, none is refused before, and no two answers show the same remaining number.",
	},
	{
		name: "outages", run: outaged, shapes: []stack.Shape{stack.PG3, stack.PGOnly},
		means: "PostgreSQL refuses connections, drops all traffic, answers each statement 3 seconds late or 0.7, crashes, has its tables locked; then Redis all but the last; for 3 seconds each under the load of eight clients. Every answer comes within 2 seconds and is the right one or 503 with Retry-After; what must be refused is never accepted; /livez stays 200, /readyz answers 503 within a second while the database is unreachable; 2 seconds after the end all is well without a restart, and memory and goroutines are back.",
	},
	{
		name: "rolling", run: rolling, shapes: []stack.Shape{stack.PG3},
		means: "Three nodes are restarted one after the other, and the signing key is rotated by the command, while 200 requests begin each second. Before them is a balancer that polls /readyz ten times a second, opens a connection for each request and never repeats one. No request fails, including those under way at SIGTERM, and a node ends within 10 seconds.",
	},
	{
		name: "soak", run: soak, shapes: []stack.Shape{stack.SQLite, stack.PG3},
		means: "Reads and writes of an ordinary day. Memory, goroutines and open files in the last quarter are what they were in the second, and SQLite's WAL stays small.",
	},
}

const killMeans = "16 clients create, rotate and delete keys, refresh, revoke and update users until the process is killed (kill -9), at any time or at a failpoint: begin, write, before and after the commit, after the end of what was revoked, at the answer. After the restart every acknowledged write is there, every other one is there as a whole or not at all, a rotation left exactly one valid secret, what was revoked stays revoked, and there is one audit row for each effect and none without."
