#!lua flags=allow-oom
-- Exchange a sealed value for the same sealed under another key, unless it has changed meanwhile.
-- KEYS: value. ARGV: old, new.  Returns 1 if it was exchanged; its life stays as it was.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1
