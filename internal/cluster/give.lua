-- Adds what a node counted by itself to a window.
-- KEYS: the window. ARGV: what was spent, the seconds until it ends if none is open.
local now = tonumber(redis.call('TIME')[1])
local reset = redis.call('EXPIRETIME', KEYS[1])
local used = 0
if reset > now then
	used = tonumber(redis.call('GET', KEYS[1]))
else
	reset = now + tonumber(ARGV[2])
end
redis.call('SET', KEYS[1], used + tonumber(ARGV[1]), 'EXAT', reset)
return reset
