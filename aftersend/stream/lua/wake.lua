#!lua flags=allow-oom
-- Make delayed events due earlier, and keep in the field 'remaining' how many ms of their wait were left (with what was
-- left before, if they are woken again), unless that is short. Redis' own clock decides. An event that is gone, or due
-- earlier, stays as it is.
-- KEYS: delayed. ARGV: ms up to which the rest of a wait is short, then member, due ms, ms from now…
-- Returns how many were woken.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = 0
for i = 2, #ARGV, 3 do
  local member, due, new = ARGV[i], tonumber(ARGV[i + 1]), now + tonumber(ARGV[i + 2])
  if new < due and redis.call('ZREM', KEYS[1], member) == 1 then
    local fields, remaining = {}, due - new
    local old = cmsgpack.unpack(member)
    for k = 1, #old, 2 do
      if old[k] == 'remaining' then
        remaining = remaining + tonumber(old[k + 1])
      else
        fields[#fields + 1] = old[k]
        fields[#fields + 1] = old[k + 1]
      end
    end
    if remaining > tonumber(ARGV[1]) then
      fields[#fields + 1] = 'remaining'
      fields[#fields + 1] = string.format('%.0f', remaining)
    end
    redis.call('ZADD', KEYS[1], string.format('%.0f', new), cmsgpack.pack(fields))
    count = count + 1
  end
end
return count
