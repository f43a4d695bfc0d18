#!lua flags=allow-oom
-- Exchange a delayed event for a copy with other fields, due at the same time.
-- KEYS: delayed. ARGV: member, due ms, field, value…  Returns 1 if it was still there.
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[2], cmsgpack.pack({unpack(ARGV, 3)}))
return 1
