#!lua flags=allow-oom
-- Exchange a delayed event for a copy with other fields, due at the same time.
-- KEYS: delayed. ARGV: member, field, value…  Returns 1 if it was still there.
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due then
  return 0
end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZADD', KEYS[1], due, cmsgpack.pack({unpack(ARGV, 2)}))
return 1
