-- Read an entry, and what its tenant's state says of a recovery, at one moment; with a lease, only if that is ours now.
-- KEYS: the tenant's state, document, sealed part, lease (or none). ARGV: token of the lease, its life in ms.
-- Returns document, sealed part, recovered, sweep.cursor, horizon, nil for what is not there; nil alone if another
-- process holds the lease.
local lease, token, life = KEYS[4], ARGV[1], ARGV[2]
if lease and not redis.call('SET', lease, token, 'NX', 'PX', life) and redis.call('GET', lease) ~= token then
  return false
end
local state = redis.call('HMGET', KEYS[1], 'recovered', 'sweep.cursor', 'horizon')
return {get_document(KEYS[2]), redis.call('GET', KEYS[3]), state[1], state[2], state[3]}
