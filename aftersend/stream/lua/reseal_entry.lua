#!lua flags=allow-oom
-- Exchange an entry of a stream for a copy with other fields. An entry in flight stays as it is.
-- KEYS: stream. ARGV: group ('' = none), idle ms, entry id, field, value…  Returns 1 if it was exchanged.
if #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) == 0 then
  return 0
end
if ARGV[1] ~= '' then
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
  if held.err and not string.find(held.err, 'NOGROUP', 1, true) then
    return held
  elseif not held.err and #held > 0 then
    if held[1][3] < tonumber(ARGV[2]) then
      return 0
    end
    redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  end
end
redis.call('XDEL', KEYS[1], ARGV[3])
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 4))
return 1
