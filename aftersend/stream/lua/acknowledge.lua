#!lua flags=allow-oom
-- Acknowledge and delete entries in one step. (Not MULTI: a full Redis 7 refuses that, whatever is in it, and could
-- never be drained.)
-- KEYS: stream. ARGV: group, entry id…  Returns how many were deleted.
redis.call('XACK', KEYS[1], unpack(ARGV))
return redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
