"""redis-py and Python still need what ``redis_connections`` works around.

That commands can be cancelled, and that a rotated authority is used, is tested against servers elsewhere.
"""

import asyncio
import inspect
import sys
from ssl import SSLContext, create_default_context
from typing import Any

import pytest
from redis.asyncio import Connection, SSLConnection
from redis.connection import HiredisRespSerializer
from redis.exceptions import DataError

from aftersend.compat.redis_connections import PlainConnection, TlsConnection


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="Python 3.12 rewrote wait_for")
async def test_python_still_drops_a_cancellation() -> None:
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    waiting = asyncio.create_task(asyncio.wait_for(done, 10))  # noqa: TID251 - the fault is the subject
    await asyncio.sleep(0)
    done.set_result(None)
    waiting.cancel()
    await waiting
    assert not waiting.cancelled()


def test_the_library_still_sends_by_wait_for() -> None:
    assert "wait_for(" in inspect.getsource(Connection.send_packed_command)


def test_the_library_still_takes_no_tls_context() -> None:
    assert not [name for name in inspect.signature(SSLConnection).parameters if "context" in name]


def test_each_connect_gets_a_context() -> None:
    contexts: list[SSLContext] = []

    def context() -> SSLContext:
        contexts.append(create_default_context())
        return contexts[-1]

    connection = TlsConnection(ssl_context=context)
    for _ in range(2):
        assert connection._connection_arguments()["ssl"] is contexts[-1]
    assert len(contexts) == 2


@pytest.mark.parametrize(
    "command",
    [("GET", "ä"), ("XGROUP CREATE", "key", 1, 2.5), (b"GET", b"\xff"), ("SET", "key", bytearray(b"\0"))],
    ids=str,
)
def test_commands_are_packed_as_the_library_packs_them(command: tuple[Any, ...]) -> None:
    assert PlainConnection().pack_command(*command) == HiredisRespSerializer().pack(*command)


def test_what_cannot_be_packed_is_the_library_s_error() -> None:
    with pytest.raises(DataError):
        PlainConnection().pack_command("SET", "key", None)
