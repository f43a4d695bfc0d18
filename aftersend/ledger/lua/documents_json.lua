-- Primitives of every script: a document is a JSON value of RedisJSON; an older plain one is read as it is and becomes
-- JSON at its next change.
local function get_document(key)
  if redis.call('TYPE', key).ok == 'string' then return redis.call('GET', key) end
  return redis.call('JSON.GET', key)
end
local function set_document(key, text)
  if redis.call('TYPE', key).ok == 'string' then redis.call('DEL', key) end
  redis.call('JSON.SET', key, '$', text)
end
