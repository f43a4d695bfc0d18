"""The Lua scripts of the ledger: one set for both ways to store a document.

Every script starts with two primitives, ``get_document`` and ``set_document``. Where the server has the RedisJSON
module a document is a JSON value (so that a person can query it), elsewhere a plain one. A plain document on a
server that got the module later is read as it is, and becomes JSON at its next change.

``WRITE`` compares the revision and then changes everything that belongs to the entry in one step: document, sealed
part, positions in the indexes, look-ups by parcel id. So an index or a look-up can never disagree with the entry.
It also takes up to twenty orders out of the indexes whose documents have expired, which keeps the indexes as small
as the ledger; an index that nobody writes to any more expires as a whole with its youngest document.
"""

_PLAIN = """
local function get_document(key) return redis.call('GET', key) end
local function set_document(key, text) redis.call('SET', key, text) end
"""
_JSON = """
local function get_document(key)
  if redis.call('TYPE', key).ok == 'string' then return redis.call('GET', key) end
  return redis.call('JSON.GET', key)
end
local function set_document(key, text)
  if redis.call('TYPE', key).ok == 'string' then redis.call('DEL', key) end
  redis.call('JSON.SET', key, '$', text)
end
"""

HAS_JSON = """
local answer = redis.pcall('JSON.TYPE', KEYS[1])
return (type(answer) == 'table' and answer.err) and 0 or 1
"""
"""KEYS: any key. Returns 1 if the server has the module and we may use it."""

_READ = """
return {get_document(KEYS[1]), redis.call('GET', KEYS[2])}
"""

_SAVED = """
local now, life = redis.call('TIME'), redis.call('PTTL', KEYS[2])
local till = life > 0 and now[1] * 1000 + math.floor(now[2] / 1000) + life or 0
return {get_document(KEYS[1]), redis.call('GET', KEYS[2]), till}
"""

_WRITE = """
local document = get_document(KEYS[1])
local revision = document and (cjson.decode(document).revision or 0) or -1
if revision ~= tonumber(ARGV[1]) then return 0 end

local order, count, life = ARGV[6], tonumber(ARGV[8]), ARGV[3]
set_document(KEYS[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], life)
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[2], ARGV[4], 'PX', ARGV[5])
elseif ARGV[5] ~= '' then
  redis.call('PEXPIRE', KEYS[2], ARGV[5])
end

for index = 1, count do
  local score = ARGV[8 + index]
  if score == '' then
    redis.call('ZREM', KEYS[2 + index], order)
  else
    redis.call('ZADD', KEYS[2 + index], score, order)
    redis.call('PEXPIRE', KEYS[2 + index], life)
  end
end
for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', ARGV[7], 'LIMIT', 0, 20)) do
  for index = 1, count do redis.call('ZREM', KEYS[2 + index], gone) end
end
for parcel = 3 + count, #KEYS do redis.call('SET', KEYS[parcel], order, 'PX', life) end
return 1
"""


def read_script(*, json: bool) -> str:
    """KEYS: document, sealed part. Returns both, nil for what is not there."""
    return (_JSON if json else _PLAIN) + _READ


def saved_script(*, json: bool) -> str:
    """KEYS: document, sealed part. Returns both, and when the sealed part expires (ms since 1970, 0 = never)."""
    return (_JSON if json else _PLAIN) + _SAVED


def write_script(*, json: bool) -> str:
    """Compare and set; returns 0 if the revision has moved, else 1.

    KEYS: document, sealed part, one per index ("orders" first), one per parcel look-up. ARGV: expected revision (-1 =
    absent), document, its life in ms, sealed part ("" = keep), its life in ms ("" = keep), order, the score below which
    indexed orders have expired, number of indexes, one score per index ("" = not in it).
    """
    return (_JSON if json else _PLAIN) + _WRITE
