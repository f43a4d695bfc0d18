#!lua flags=allow-oom
-- Delete consumers that are gone. Only with nothing pending: XGROUP DELCONSUMER drops pending entries, and between a
-- check from outside and the deletion the consumer could have read one.
-- KEYS: stream. ARGV: group, own name, idle ms.  Returns how many were deleted.
local count = 0
if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
for _, row in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local consumer = {}
  for i = 1, #row, 2 do
    consumer[row[i]] = row[i + 1]
  end
  if consumer.pending == 0 and consumer.idle > tonumber(ARGV[3]) and consumer.name ~= ARGV[2] then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer.name)
    count = count + 1
  end
end
return count
