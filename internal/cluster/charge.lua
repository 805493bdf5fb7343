-- Takes steps of fixed windows in turn, each with the version of a subject, all as one
-- and by this server's clock.
-- KEYS: the window of each step, then the version of each that has a subject.
-- ARGV: 1 to leave out what follows the first step that is refused, a new version, the
-- seconds that it is kept; then of each step: the limit, the window's length in seconds,
-- what to spend (1 or more, 0 to look, -1 to give back), 1 if it has a subject.
-- Returns: the new version, by which the caller knows that this is its answer; this server's
-- time in unix seconds and microseconds; then of each step that was taken: 1 if admitted, what is spent, the window's end in unix seconds, the version.
local time = redis.call('TIME')
local now = tonumber(time[1])
local answer = {ARGV[2], now, tonumber(time[2])}
local steps = (#ARGV - 3) / 4
local subject = steps
for step = 1, steps do
	local key, at = KEYS[step], step * 4
	local limit, spend = tonumber(ARGV[at]), tonumber(ARGV[at + 2])
	local used = tonumber(redis.call('GET', key) or '0')
	local reset = redis.call('EXPIRETIME', key)
	if reset <= now then
		used, reset = 0, now + tonumber(ARGV[at + 1])
		if spend > 0 and limit > 0 then
			redis.call('SET', key, 0, 'EXAT', reset)
		end
	end
	local admitted = used + math.max(spend, 1) <= limit and 1 or 0
	if spend > 0 and admitted == 1 then
		used = redis.call('INCRBY', key, spend)
	elseif spend == -1 and used > 1 then
		used = redis.call('DECR', key)
	elseif spend == -1 and used == 1 then
		redis.call('SET', key, 0, 'EXAT', now) -- ends it; needs no other right than the rest
		used = 0
	end
	local version = ''
	if ARGV[at + 3] == '1' then
		subject = subject + 1
		version = redis.call('GET', KEYS[subject])
		if not version then
			version = ARGV[2]
			redis.call('SET', KEYS[subject], version, 'EX', ARGV[3])
		end
	end
	local last = step * 4 - 1
	answer[last + 1], answer[last + 2], answer[last + 3], answer[last + 4] = admitted, used, reset, version
	if ARGV[1] == '1' and spend >= 0 and admitted == 0 then
		break
	end
end
return answer
