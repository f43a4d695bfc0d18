"""What every user of Redis shares: connections, key names, scripts, leases, limits, and an embedded server.

In reading order: ``keys`` (names of all keys of a tenant), ``connection`` (one pool per process, errors by type),
``scripts`` (Lua by its hash), ``lease`` (one holder at a time),
``memory_guard`` (refuse before Redis is full), ``durability`` (what the server promises), ``embedded`` (a Valkey as a
child process, for one machine).
"""
