-- KEYS: document, sealed part. Returns both, and when the sealed part expires (ms since 1970, 0 = never).
local now, life = redis.call('TIME'), redis.call('PTTL', KEYS[2])
local till = life > 0 and now[1] * 1000 + math.floor(now[2] / 1000) + life or 0
return {get_document(KEYS[1]), redis.call('GET', KEYS[2]), till}
