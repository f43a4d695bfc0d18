-- Compare and set: write an entry with its indexes and look-ups; returns 0 if the revision has moved, else 1.
-- KEYS: one per index ("orders" first), today's counters, document, sealed part, one per parcel look-up. ARGV: expected
-- revision (-1 = absent), document, its life in ms, sealed part ("" = keep), its life in ms ("" = keep), order, the score
-- below which indexed orders have expired, number of indexes, number of those that it stands in, place and score of each,
-- the life of the counters in ms, the counters that this change counts in. What refuses to be counted never keeps the
-- entry back.
local count, order, life = tonumber(ARGV[8]), ARGV[6], ARGV[3]
local counters, document_key, sealed_key = KEYS[count + 1], KEYS[count + 2], KEYS[count + 3]
local document = get_document(document_key)
local revision = document and (cjson.decode(document).revision or 0) or -1
if revision ~= tonumber(ARGV[1]) then return 0 end

set_document(document_key, ARGV[2])
redis.call('PEXPIRE', document_key, life)
if ARGV[4] ~= '' then
  redis.call('SET', sealed_key, ARGV[4], 'PX', ARGV[5])
elseif ARGV[5] ~= '' then
  redis.call('PEXPIRE', sealed_key, ARGV[5])
end

local scores, rest = {}, 10 + 2 * tonumber(ARGV[9])
for place = 10, rest - 1, 2 do scores[tonumber(ARGV[place])] = ARGV[place + 1] end
for index = 1, count do
  if scores[index] then
    redis.call('ZADD', KEYS[index], scores[index], order)
    redis.call('PEXPIRE', KEYS[index], life)
  else
    redis.call('ZREM', KEYS[index], order)
  end
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[7], 'LIMIT', 0, 20)) do
  for index = 1, count do redis.call('ZREM', KEYS[index], gone) end
end
for parcel = count + 4, #KEYS do redis.call('SET', KEYS[parcel], order, 'PX', life) end
for counter = rest + 1, #ARGV do
  redis.pcall('HINCRBY', counters, ARGV[counter], 1)
  redis.pcall('PEXPIRE', counters, ARGV[rest])
end
return 1
