#!lua flags=allow-oom
-- Move a dead letter back to its stream. The fields that made it a dead letter go, given fields replace the old ones,
-- all others stay.
-- KEYS: stream, dead. ARGV: entry id, number of fields to drop, field to drop…, field, value…  Returns 1 if it moved.
redis.call('XLEN', KEYS[1])
local entry = redis.call('XRANGE', KEYS[2], ARGV[1], ARGV[1])[1]
if not entry then
  return 0
end
local skip, fields, first = {}, {}, 3 + ARGV[2]
for i = 3, first - 1 do
  skip[ARGV[i]] = true
end
for i = first, #ARGV, 2 do
  skip[ARGV[i]] = true
end
for i = 1, #entry[2], 2 do
  if not skip[entry[2][i]] then
    fields[#fields + 1] = entry[2][i]
    fields[#fields + 1] = entry[2][i + 1]
  end
end
for i = first, #ARGV do
  fields[#fields + 1] = ARGV[i]
end
redis.call('XDEL', KEYS[2], ARGV[1])
redis.call('XADD', KEYS[1], '*', unpack(fields))
return 1
