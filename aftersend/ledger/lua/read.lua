-- KEYS: document, sealed part. Returns both, nil for what is not there.
return {get_document(KEYS[1]), redis.call('GET', KEYS[2])}
