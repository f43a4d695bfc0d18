#!lua flags=allow-oom
-- Renew the claims of entries in flight. Does not raise the delivery count, claims nothing from other consumers, and
-- leaves vanished entries pending, so that the reclaim finds and counts them (XCLAIM would drop them silently).
-- KEYS: stream. ARGV: group, consumer, entry id…  Returns how many this consumer does not hold any more.
local gone = 0
for i = 3, #ARGV do
  local id = ARGV[i]
  if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1, ARGV[2]) == 0 then
    gone = gone + 1
  elseif #redis.call('XRANGE', KEYS[1], id, id) == 1 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, id, 'JUSTID')
  end
end
return gone
