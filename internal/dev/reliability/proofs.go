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
		means: "Eight clients use credentials on all nodes while keys are deleted, rotated and disabled, the older secrets of keys and applications are ended, developers log out, sessions, users, applications and tokens are revoked or deleted, and a developer is disabled at the command line. No use that began after the answer is accepted by any node, and neither a use before it nor a use of a new secret is refused.",
	},
	{
		name: "revocation-faults", run: disturbed, shapes: []stack.Shape{stack.PG3, stack.PG3Cluster, stack.PGOnly},
		means: "The same while Redis is killed and restarted empty, is paused for 5 seconds, is flushed every 5 ms; and with a node that is paused, receives uses after the end, and continues. On a cluster of three masters of Redis and their replicas, while the one that the nodes use is killed, its replica takes its place, and it comes back as a replica.",
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
		name: "promotion", run: promotion, shapes: []stack.Shape{stack.PGPair},
		means: "The primary of PostgreSQL is ended by `pg_ctl -m immediate` and its synchronous standby promoted, while writers work as under *kill*, families are refreshed as in *refresh-histories*, and credentials are used and end as under *revocation*, on three nodes whose `--database` names both servers. What was acknowledged is on the promoted one, no use that began after an end is accepted, and the families are linear, where a call that was told 503 may have been done or not. Every answer comes within 2 seconds and is the right one or 503 with Retry-After; within 10 seconds of the death, the promotion included, each node writes again. The former primary comes back as a standby; nodes write on, and one that is started beside it too, to the new one. Then it is rebuilt, for the next promotion.",
	},
	{
		name: "promotion-behind", run: promotionBehind, shapes: []stack.Shape{stack.PGBehind},
		means: "The same with an asynchronous standby that receives nothing in the last half second of the primary. What the writers were told last is lost, a revocation too. What is left is whole and ends at one moment: no write is there that follows one which is lost, and none is lost that was acknowledged a second before that half.",
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
		name: "limits", run: limits, shapes: []stack.Shape{stack.SQLite, stack.PG3, stack.PG3Cluster, stack.PGOnly},
		means: "1500 calls with one key are made at once over all nodes, where 1000 a minute are allowed. Exactly 1000 are admitted, none is refused before, and no two answers show the same remaining number.",
	},
	{
		name: "usage", run: usage, shapes: []stack.Shape{stack.SQLite, stack.PG3},
		means: "Eight clients use four keys over all nodes, with calls that succeed and calls that are refused. After all nodes were drained, the tables and the reports of every node have exactly the calls that the clients recorded, by key, operation and outcome, at each resolution. A node that is killed under the load loses at most the calls that it answered in its last second (and half a second for writing them), and none is counted twice.",
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
	{
		name: "against-bodies", run: onBodies.trial, shapes: []stack.Shape{stack.SQLite},
		means: againstMeans + "The attacker sends /grpc.health.v1.Health/Check and reflection bodies of 8 MiB, 64 MiB as gzip, a million nested objects, and frames that say to have 4 GiB.",
	},
	{
		name: "against-bodies", run: onBodies.trial, shapes: []stack.Shape{stack.PG3Plain}, thorough: true,
	},
	{
		name: "against-lists", run: onLists.trial, shapes: everyone, thorough: true,
		means: "The attacker sends UpsertWorkouts lists of 2.8 million items, lists whose last item is wrong, and holds 100 uploads of 8 MiB one byte before their end.",
	},
	{
		name: "against-connections", run: onConnections.trial, shapes: []stack.Shape{stack.SQLite},
		means: "The attacker keeps more connections open than one address may have, from more addresses than fill all that there are, and none sends a request; the others open a connection for each call.",
	},
	{
		name: "against-connections", run: onConnections.trial, shapes: []stack.Shape{stack.PG3Plain}, thorough: true,
	},
	{
		name: "against-tokens", run: onTokens.trial, shapes: everyone, thorough: true,
		means: "The attacker refreshes with what is no refresh token.",
	},
	{
		name: "against-bulk", run: onBulk.trial, shapes: everyone, thorough: true,
		means: "The attacker writes with the token of one user as many and as large workouts as it may.",
	},
	{
		name: "against-search", run: onSearch.trial, shapes: everyone, thorough: true,
		means: "The attacker lists and searches 100,000 users over eight connections of one key.",
	},
	{
		name: "against-remove", run: onRemove.trial, shapes: everyone, thorough: true,
		means: "The attacker deletes users with 300,000 workouts, and writes as many workouts as a call may have, eight calls at a time.",
	},
	{
		name: "against-logins", run: onLogins.trial, shapes: everyone, thorough: true,
		means: "The attacker logs in as nobody from 260 networks; the owner of an account logs in from where it did before.",
	},
	{
		name: "impatient-guesses", run: impatient, shapes: everyone, thorough: true,
		means: "Passwords are guessed with deadlines of 15 to 30 ms, which end while a guess is compared. What such guesses take of the account's limit, the audit trail shows.",
	},
	{
		name: "split", run: split, shapes: []stack.Shape{stack.PG3}, thorough: true,
		means: "One of three nodes is started with another database of the Redis server, and with none. Ten seconds later no use that began after the answer to an end is accepted by any node, and of 40 guesses at an account over all nodes at most 10 are compared.",
	},
	{
		name: "clocks", run: clocks, shapes: []stack.Shape{stack.PG3}, thorough: true,
		means: "The clock of one of three nodes is 19 or 50 seconds ahead or behind. At 19 it is ready, and all nodes accept fresh tokens of each, and keys and rotated secrets until their end and not after it; at 50 it is not ready.",
	},
	{
		name: "unknown-keys", run: unknownKeys, shapes: []stack.Shape{stack.PG3},
		means: "16 tokens of signing keys that do not exist are shown at once, while PostgreSQL is there, answers 1.1 seconds late, and refuses connections. They are refused where the keys can be read, and 503 where they cannot be, within 2 seconds.",
	},
}

// everyone is where one caller is set against all others.
var everyone = []stack.Shape{stack.SQLite, stack.PG3Plain}

const againstMeans = "One caller against all others, who read, write, refresh and log in at steady rates, first while all is quiet and then under the attack. Of the others' calls at most one in a hundred fails, and the 99th percentile of each kind is at most ten times the quiet one (or half a second, if that is more); what each node holds, and the database, grow by no more than the attack may cost. "

const killMeans = "16 clients create, rotate and delete keys, refresh, revoke and update users until the process is killed (kill -9), at any time or at a failpoint: begin, write, before and after the commit, after the end of what was revoked, at the answer. After the restart every acknowledged write is there, every other one is there as a whole or not at all, a rotation left exactly one valid secret, what was revoked stays revoked, and there is one audit row for each effect and none without."
