"""Connections to Redis whose commands can be cancelled at any point.

The library sends each command by ``asyncio.wait_for``, which up to Python 3.11 drops a cancellation that arrives when
what it waits for is just done (bpo-37658), and sending nearly always is. Whoever cancelled and waits for the end waits
for ever: a service that stops, a lease that is given back. ``asyncio.timeout`` drops nothing, and needs no task per
command.
"""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from redis.asyncio import Connection, SSLConnection
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import TimeoutError as LinkTimeout

if TYPE_CHECKING:
    from redis.asyncio.connection import AbstractConnection

    _Base = AbstractConnection
else:
    _Base = object


class _Interruptible(_Base):
    """Sends as the library's connections do, with the same errors; health checks are off in all of ours."""

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
                self._writer.transport.abort()  # closing would first send the rest, whenever that is taken
            await self.disconnect(nowait=True)
            if isinstance(error, TimeoutError):
                raise LinkTimeout("sending took too long") from None
            if isinstance(error, OSError):
                raise LinkError("the connection broke") from None
            raise


class PlainConnection(_Interruptible, Connection):
    """Without TLS."""


class TlsConnection(_Interruptible, SSLConnection):
    """With TLS."""


def _chunks(command: bytes | str | Iterable[bytes]) -> Iterable[bytes]:
    if isinstance(command, str):
        return [command.encode()]
    return [command] if isinstance(command, bytes) else command
