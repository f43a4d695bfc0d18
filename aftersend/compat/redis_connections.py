"""redis-py 8.1: commands that can be cancelled at any point, packed at C speed, many at once; a TLS context each.

Cancellation. The library sends each command by ``asyncio.wait_for``, which up to Python 3.11 drops a cancellation that
arrives when the awaited future is just done, and sending nearly always is. The task that cancelled and waits for the
end then waits for ever: a service that stops, a lease that is released. ``asyncio.timeout`` drops nothing, and needs no
task per command. Waits for Python 3.12 as the oldest version: https://github.com/python/cpython/issues/86296.

Many at once. A pipeline of the library sets a timer for each reply and passes it through four coroutines, which for a
group of small commands costs more than all else. ``exchange`` has one timer for the group. It does not decode replies.

Packing. The library's blocking connections pack commands with hiredis, its asynchronous ones in Python, which takes
four times as long; and before it calls hiredis it looks at each argument. Waits for
https://github.com/redis/redis-py/issues/4176.

TLS. The library builds its ``SSLContext`` once per pool from names of files and cannot be given one, but the authority
may be rotated while a service runs. Waits for https://github.com/redis/redis-py/issues/3599.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, Final, cast

from hiredis import pack_command
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
        return _packed(args)

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
            await _abort(self, error)
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


def _packed(words: tuple[Any, ...]) -> list[bytes]:
    with suppress(TypeError):  # the library turns what hiredis does not take, and cuts commands of two words
        if " " not in words[0]:
            return [pack_command(words)]
    return cast("list[bytes]", _PACKER.pack(*words))


def _chunks(command: bytes | str | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(command, str):
        return [command.encode()]
    return [command] if isinstance(command, bytes) else command


async def exchange(connection: "AbstractConnection", commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Send commands at once and return the replies, as they come: an error of Redis stands in its place.

    A connection that broke is tried once more on a new one, as the library does, so a command may be sent twice. After
    a time-out it is not: commands may have been executed whose caller gets an error.
    """
    packed = b"".join([part for command in commands for part in _packed(tuple(command))])
    found: list[Any] = await connection.retry.call_with_retry(
        lambda: _exchange_once(connection, packed, len(commands)), lambda _: connection.disconnect(nowait=True)
    )
    return found


async def _exchange_once(connection: "AbstractConnection", packed: bytes, count: int) -> list[Any]:
    if not connection.is_connected:
        await connection.connect_check_health(check_health=False)
    try:
        async with asyncio.timeout(connection.socket_timeout):
            await connection._send_packed_command((packed,))  # noqa: SLF001 - the library's, which has no other way
            return [await connection._read_response_from_parser() for _ in range(count)]  # noqa: SLF001 - as above
    except BaseException as error:  # a reply that stays unread would be taken for that of the next command
        await _abort(connection, error)
        raise


async def _abort(connection: "AbstractConnection", error: BaseException) -> None:
    """Close the connection at once; raise the library's error for a time-out or a broken connection."""
    writer = connection._writer  # noqa: SLF001 - as above
    if writer is not None:
        writer.transport.abort()  # closing would first send the rest, however long that takes
    await connection.disconnect(nowait=True)
    if isinstance(error, TimeoutError):
        raise LinkTimeout("Redis took too long") from None
    if isinstance(error, OSError):
        raise LinkError("the connection broke") from None
