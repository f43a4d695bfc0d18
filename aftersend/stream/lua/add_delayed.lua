#!lua flags=allow-oom
-- Add an event to the delayed set.
-- KEYS: delayed. ARGV: due ms, field, value…  Returns 1.
redis.call('ZADD', KEYS[1], ARGV[1], cmsgpack.pack({unpack(ARGV, 2)}))
return 1
