#!lua flags=allow-oom
-- Move delayed events that are due back to the stream. Redis' own clock decides.
-- The field 'upstream' (what the event waited for) ends with the wait.
-- A member that cannot be unpacked was not written by us; it becomes a dead letter, or it would block the head for ever.
-- KEYS: stream, delayed, dead. ARGV: at most so many.  Returns {how many left the set, ms until the next is due or -1}.
redis.call('XLEN', KEYS[1])
redis.call('XLEN', KEYS[3])
local now = redis.call('TIME')
local ms = string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))
local due = redis.call('ZRANGE', KEYS[2], '-inf', ms, 'BYSCORE', 'LIMIT', 0, ARGV[1])
for _, member in ipairs(due) do
  local read, fields = pcall(cmsgpack.unpack, member)
  redis.call('ZREM', KEYS[2], member)
  if read and type(fields) == 'table' and #fields > 0 and #fields % 2 == 0 then
    local kept = {}
    for i = 1, #fields, 2 do
      if fields[i] ~= 'upstream' then
        kept[#kept + 1] = fields[i]
        kept[#kept + 1] = fields[i + 1]
      end
    end
    redis.call('XADD', KEYS[1], '*', unpack(kept))
  else
    redis.call('XADD', KEYS[3], '*', 'reason', 'malformed_entry', 'error', 'malformed_entry', 'attempts', '1',
      'data', member)
  end
end
local head = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
return {#due, head[2] and math.max(0, math.ceil(tonumber(head[2]) - tonumber(ms))) or -1}
