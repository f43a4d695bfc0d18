-- Compare and set: write an entry with its indexes and look-ups; returns 0 if the revision has moved, else 1.
-- KEYS: document, sealed part, one per index ("orders" first), today's counters, one per parcel look-up. ARGV: expected
-- revision (-1 = absent), document, its life in ms, sealed part ("" = keep), its life in ms ("" = keep), order, the score
-- below which indexed orders have expired, number of indexes, one score per index ("" = not in it), the life of the
-- counters in ms, the counters that this change counts in. What refuses to be counted never keeps the entry back.
local document = get_document(KEYS[1])
local revision = document and (cjson.decode(document).revision or 0) or -1
if revision ~= tonumber(ARGV[1]) then return 0 end

local order, count, life = ARGV[6], tonumber(ARGV[8]), ARGV[3]
set_document(KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], life)
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
elseif ARGV[5] ~= '' then
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end

for index = 1, count do
  local score = ARGV[8 + index]
  if score == '' then
    redis.call('ZREM', KEYS[2 + index], order)
  else
    redis.call('ZADD', KEYS[2 + index], score, order)
    redis.call('PEXPIRE', KEYS[2 + index], life)
  end
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[7], 'LIMIT', 0, 20)) do
  for index = 1, count do redis.call('ZREM', KEYS[2 + index], gone) end
end
for parcel = 4 + count, #KEYS do redis.call('SET', KEYS[parcel], order, 'PX', life) end
for counter = 10 + count, #ARGV do
  redis.pcall('HINCRBY', KEYS[3 + count], ARGV[counter], 1)
  redis.pcall('PEXPIRE', KEYS[3 + count], ARGV[9 + count])
end
return 1
