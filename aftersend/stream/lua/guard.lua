#!lua flags=allow-oom
-- Find what a user that may only XADD can do to a stream: exhaust its ids, or trim entries that were not read yet.
-- Ids beyond the clock: the entries move to a fresh stream of the same name, with ids of now, to be delivered again.
-- Trimmed entries: more were added since the last one that was read than are there. XDEL moves max-deleted-entry-id,
-- trimming does not; where an unread entry was deleted by XDEL (`keys reseal` does so), nothing can be said.
-- KEYS: stream. ARGV: group, ms by which ids may be ahead.  Returns {moved entries or -1, unread entries that are gone}.
local function facts(reply)
  local found = {}
  for i = 1, #reply, 2 do
    found[reply[i]] = reply[i + 1]
  end
  return found
end

local function older_or_equal(one, other)
  local ms, seq = string.match(one, '(%d+)-(%d+)')
  local other_ms, other_seq = string.match(other, '(%d+)-(%d+)')
  if ms ~= other_ms then
    return tonumber(ms) < tonumber(other_ms)
  end
  return tonumber(seq) <= tonumber(other_seq)
end

if redis.call('EXISTS', KEYS[1]) == 0 then
  return {-1, 0}
end
local stream = facts(redis.call('XINFO', 'STREAM', KEYS[1]))
local now = redis.call('TIME')
local last_ms = tonumber(string.match(stream['last-generated-id'], '^%d+'))
if last_ms > now[1] * 1000 + tonumber(ARGV[2]) then
  local entries = redis.call('XRANGE', KEYS[1], '-', '+')
  redis.call('DEL', KEYS[1])
  redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
  for _, entry in ipairs(entries) do
    redis.call('XADD', KEYS[1], '*', unpack(entry[2]))
  end
  return {#entries, 0}
end
for _, reply in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local group = facts(reply)
  if group['name'] == ARGV[1] and group['entries-read'] and stream['entries-added'] then
    local missing = stream['entries-added'] - group['entries-read'] - (stream['length'] - group['pending'])
    if missing > 0 and older_or_equal(stream['max-deleted-entry-id'], group['last-delivered-id']) then
      local unread = #redis.call('XRANGE', KEYS[1], '(' .. group['last-delivered-id'], '+')
      return {-1, math.max(0, stream['entries-added'] - group['entries-read'] - unread)}
    end
  end
end
return {-1, 0}
