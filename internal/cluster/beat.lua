-- Records that a node is alive.
-- KEYS: the nodes, and perhaps those of releases that keep no installations apart. ARGV: this
-- node, and the milliseconds without a beat after which a node is no longer listed.
-- Returns: how many nodes of such a release are alive, then each node and its last beat.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('EXPIRE', KEYS[1], 60)
local nodes = redis.call('ZREVRANGE', KEYS[1], 0, 999, 'WITHSCORES')
table.insert(nodes, 1, KEYS[2] and redis.call('ZCOUNT', KEYS[2], time[1] - 5, '+inf') or 0)
return nodes
