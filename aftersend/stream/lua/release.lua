#!lua flags=allow-oom
-- Give entries back unhandled, as if they had never been delivered: to a consumer that nobody is, idle for ages, so
-- that the next reclaim of anybody takes them at once, and with the delivery count of before.
-- (XNACK would do it, but only Redis 8.8 has that.)
-- KEYS: stream. ARGV: group, consumer, nobody's name, idle ms, entry id…  Returns how many were handed back.
local count = 0
for i = 5, #ARGV do
  local id = ARGV[i]
  local mine = redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2])[1]
  if mine and #redis.call('XRANGE', KEYS[1], id, id) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, id, 'IDLE', ARGV[4],
      'RETRYCOUNT', math.max(mine[4] - 1, 0), 'JUSTID')
    count = count + 1
  end
end
return count
