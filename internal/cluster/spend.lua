-- Spends one request of a fixed window and reads the version of a subject, as one
-- step and by this server's clock.
-- KEYS: the window, and perhaps the version. ARGV: limit, length in seconds, what to
-- spend (1 or more, 0 to look, -1 to give back), a new version, seconds that it is kept.
-- Returns: 1 if admitted, what is spent, the window's end in unix seconds, the version, and
-- this server's time in unix seconds and microseconds.
local limit, spend = tonumber(ARGV[1]), tonumber(ARGV[3])
local used = tonumber(redis.call('GET', KEYS[1]) or '0')
local reset = redis.call('EXPIRETIME', KEYS[1])
local time = redis.call('TIME')
local now = tonumber(time[1])
if reset <= now then
	used, reset = 0, now + tonumber(ARGV[2])
	if spend > 0 and limit > 0 then
		redis.call('SET', KEYS[1], 0, 'EXAT', reset)
	end
end
local admitted = used + math.max(spend, 1) <= limit and 1 or 0
if spend > 0 and admitted == 1 then
	used = redis.call('INCRBY', KEYS[1], spend)
elseif spend == -1 and used > 1 then
	used = redis.call('DECR', KEYS[1])
elseif spend == -1 and used == 1 then
	redis.call('SET', KEYS[1], 0, 'EXAT', now) -- ends it; needs no other right than the rest
	used = 0
end
local version = ''
if KEYS[2] then
	version = redis.call('GET', KEYS[2])
	if not version then
		version = ARGV[4]
		redis.call('SET', KEYS[2], version, 'EX', ARGV[5])
	end
end
return {admitted, used, reset, version, now, tonumber(time[2])}
