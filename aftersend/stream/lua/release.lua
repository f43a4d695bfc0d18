#!lua flags=allow-oom
-- Release entries unhandled, as if they had never been delivered: claim them for a consumer name that no process has,
-- with a long idle time, so that the next reclaim of any consumer takes them at once, and with the former delivery count.
-- (XNACK would do it, but only Redis 8.8 has that.)
-- KEYS: stream. ARGV: group, consumer, name for released ones, idle ms, entry id…  Returns how many were released.
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
