#!lua flags=allow-oom
-- Claim one entry that has been idle for a while, and return how often it was delivered, this time included.
-- KEYS: stream. ARGV: group, consumer, idle ms, first id to consider.
-- Returns {entry or false, deliveries, ids that were pending but have vanished, where to go on}.
local found = redis.call('XAUTOCLAIM', KEYS[1], ARGV[1], ARGV[2], ARGV[3], ARGV[4], 'COUNT', 1)
local entry = found[2][1] or false
local deliveries = 0
if entry then
  deliveries = redis.call('XPENDING', KEYS[1], ARGV[1], entry[1], entry[1], 1)[1][4]
end
return {entry, deliveries, found[3] or {}, found[1]}
