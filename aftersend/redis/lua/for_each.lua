-- Run a script for many calls in a row; a call that fails has its error as result and leaves the others alone.
-- KEYS: those that all calls share, then those of each call. ARGV: number of shared keys; then for each call the number
-- of its own keys, the number of its arguments, its arguments. Returns the result of each call.
local function script(KEYS, ARGV)
-- SCRIPT
end

local shared, place, results = tonumber(ARGV[1]), 2, {}
local key = shared
while ARGV[place] do
  local keys, arguments = {unpack(KEYS, 1, shared)}, {}
  local key_count, count = tonumber(ARGV[place]), tonumber(ARGV[place + 1])
  for i = 1, key_count do keys[shared + i] = KEYS[key + i] end
  for i = 1, count do arguments[i] = ARGV[place + 1 + i] end
  key, place = key + key_count, place + 2 + count
  local is_through, result = pcall(script, keys, arguments)
  if not is_through and type(result) ~= 'table' then result = redis.error_reply(tostring(result)) end
  if result == nil then result = false end
  results[#results + 1] = result
end
return results
