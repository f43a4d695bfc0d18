#!lua flags=allow-oom
-- Claim pending entries that have been idle for a while; their delivery counts go up by one. What another consumer took
-- meanwhile is left out. An entry that is gone from the stream leaves the list, too (XCLAIM would drop it silently).
-- KEYS: stream. ARGV: group, consumer, idle ms, entry id…
-- Returns {{{entry, deliveries, this time included}…}, ids that were pending but have vanished}.
local claimed, vanished = {}, {}
for i = 4, #ARGV do
  local id = ARGV[i]
  local held = redis.call('XPENDING', KEYS[1], ARGV[1], 'IDLE', ARGV[3], id, id, 1)[1]
  if held and #redis.call('XRANGE', KEYS[1], id, id) == 0 then
    redis.call('XACK', KEYS[1], ARGV[1], id)
    vanished[#vanished + 1] = id
  elseif held then
    local entry = redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], id)[1]
    claimed[#claimed + 1] = {entry, held[4] + 1}
  end
end
return {claimed, vanished}
