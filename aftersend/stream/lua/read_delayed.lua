#!lua flags=no-writes
-- One page of the delayed set with its members unpacked: Lua alone reads what Lua packed.
-- KEYS: delayed. ARGV: cursor ("0" to begin), about so many.
-- Returns {cursor ("0" at the end), {{member, due ms, {field, value…} or false}…}}.
local page = redis.call('ZSCAN', KEYS[1], ARGV[1], 'COUNT', ARGV[2])
local found = {}
for i = 1, #page[2], 2 do
  local read, fields = pcall(cmsgpack.unpack, page[2][i])
  if not (read and type(fields) == 'table' and #fields > 0 and #fields % 2 == 0) then
    fields = false
  end
  found[#found + 1] = {page[2][i], page[2][i + 1], fields}
end
return {page[1], found}
