-- KEYS: any key. Returns 1 if the server has RedisJSON and this user may use it.
local answer = redis.pcall('JSON.TYPE', KEYS[1])
return (type(answer) == 'table' and answer.err) and 0 or 1
