#!lua flags=allow-oom
-- Move an entry that this consumer holds to the delayed set or to the dead letters: all of it or nothing.
-- If another consumer holds the entry by now, or has deleted it, nothing happens. But if the stream vanished and the
-- entry with it, this consumer's copy is the only one left, so it is written all the same. That shows in three ways:
-- NOGROUP now; NOGROUP before (then the consumer is ''); or a stream that was created again, or fell back in a failover,
-- where nothing as young as the entry was ever deleted. An entry that outlived its group is delivered again by the next
-- one: nothing happens either.
-- KEYS: stream, target. ARGV: group, consumer, entry id, delay ms (or 'dead'), field, value…  Returns 1 if it moved.
local function older(one, other)
  local ms, seq = string.match(one, '(%d+)-(%d+)')
  local other_ms, other_seq = string.match(other, '(%d+)-(%d+)')
  if ms ~= other_ms then
    return tonumber(ms) < tonumber(other_ms)
  end
  return tonumber(seq) < tonumber(other_seq)
end

local function newest_deleted()
  local facts = redis.call('XINFO', 'STREAM', KEYS[1])
  for i = 1, #facts, 2 do
    if facts[i] == 'max-deleted-entry-id' then
      return facts[i + 1]
    end
  end
end

local orphan = ARGV[2] == ''
if not orphan then
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1, ARGV[2])
  orphan = held.err and string.find(held.err, 'NOGROUP', 1, true)
  if held.err and not orphan then
    return held
  elseif #held == 0 and not orphan then
    if not older(newest_deleted(), ARGV[3]) then
      return 0
    end
    orphan = true
  end
end
if orphan and #redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3]) > 0 then
  return 0
end
local fields = {unpack(ARGV, 5)}
-- A target of a wrong type must fail here, before anything has changed.
if ARGV[4] == 'dead' then
  redis.call('XLEN', KEYS[2])
else
  redis.call('ZCARD', KEYS[2])
end
if not orphan then
  redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
  redis.call('XDEL', KEYS[1], ARGV[3])
end
if ARGV[4] == 'dead' then
  redis.call('XADD', KEYS[2], '*', unpack(fields))
else
  local now = redis.call('TIME')
  local due = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[4])
  redis.call('ZADD', KEYS[2], string.format('%.0f', due), cmsgpack.pack(fields))
end
return 1
