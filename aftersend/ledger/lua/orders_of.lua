-- KEYS: look-ups of parcels. Returns the order of each, nil for one that is unknown.
local orders = {}
for place, key in ipairs(KEYS) do orders[place] = redis.call('GET', key) end
return orders
