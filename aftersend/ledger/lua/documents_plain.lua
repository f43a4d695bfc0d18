-- Primitives of every script: a document is a plain value.
local function get_document(key) return redis.call('GET', key) end
local function set_document(key, text) redis.call('SET', key, text) end
