"""redis-py 8.1: commands that can be cancelled at any point, packed at C speed; a TLS context per connection.

Cancellation. The library sends each command by ``asyncio.wait_for``, which up to Python 3.11 drops a cancellation that
arrives when the awaited future is just done, and sending nearly always is. The task that cancelled and waits for the
end then waits for ever: a service that stops, a lease that is released. ``asyncio.timeout`` drops nothing, and needs no
task per command. Waits for Python 3.12 as the oldest version: https://github.com/python/cpython/issues/86296.

Packing. The library's blocking connections pack commands with hiredis, its asynchronous ones in Python, which takes
four times as long. Waits for https://github.com/redis/redis-py/issues/4176.

TLS. The library builds its ``SSLContext`` once per pool from names of files and cannot be given one, but the authority
may be rotated while a service runs. Waits for https://github.com/redis/redis-py/issues/3599.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, cast

from redis.asyncio import Connection, SSLConnection
from redis.connection import HiredisRespSerializer
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import TimeoutError as LinkTimeout

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

    _Base = AbstractConnection
else:
    _Base = object


_PACKER: Final = HiredisRespSerializer()


class _CancellableSend(_Base):
    """Sends as the library's connections do, with the same errors; health checks are off in all of ours."""

    def pack_command(self, *args: Any) -> list[bytes]:  # noqa: ANN401 - the library's
        return cast("list[bytes]", _PACKER.pack(*args))

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: ARG002, FBT001, FBT002 - the library's signature
    ) -> None:
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command(_chunks(command))
        except BaseException as error:
            if self._writer is not None:
                self._writer.transport.abort()  # closing would first send the rest, however long that takes
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                raise LinkTimeout("sending took too long") from None
            if isinstance(error, OSError):
                raise LinkError("the connection broke") from None
            raise


class PlainConnection(_CancellableSend, Connection):
    """Without TLS."""


class TlsConnection(_CancellableSend, SSLConnection):
    """With TLS; ``ssl_context`` is called each time it connects."""

    def __init__(self, *, ssl_context: Callable[[], SSLContext], **kwargs: Any) -> None:  # noqa: ANN401 - the library's
        super().__init__(**kwargs)
        self._current_context = ssl_context

    def _connection_arguments(self) -> Mapping[str, Any]:
        self.ssl_context.context = self._current_context()
        return super()._connection_arguments()


def _chunks(command: bytes | str | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(command, str):
        return [command.encode()]
    return [command] if isinstance(command, bytes) else command
