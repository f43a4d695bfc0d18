"""Redis: connections, key names, scripts, leases, limits, and an embedded server.

In reading order: ``keys`` (names of all keys of a tenant), ``connection`` (one pool per process, errors by type),
``scripts`` (Lua by its hash), ``lease`` (one holder at a time), ``memory_guard`` (refuse before Redis is full),
``durability`` (append-only file and eviction policy), ``rewrite`` (what has expired leaves the
disk), ``embedded`` (a Valkey as a child process, for one machine).
"""
