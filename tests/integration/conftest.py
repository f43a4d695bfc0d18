"""Servers for integration tests: each test sees an empty one, the process is shared by the session.

A test that takes ``redis_url`` (or ``new_server``, a process of its own that it may kill and configure) runs once on
every server that ``AFTERSEND_TEST_SERVERS`` names. Such tests carry the mark ``redis`` by themselves, so
``-m redis`` chooses what is worth repeating on another server.
"""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from aftersend.stream.stream import Stream
from tests.support.servers import COMMANDS, CURES, NewServer, RedisServer, selected_flavours
from tests.support.stream_kit import opened


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what depends on a server."""
    for item in items:
        if isinstance(item, pytest.Function) and "flavour" in item.fixturenames:
            item.add_marker("redis")


@pytest.fixture(scope="session", params=selected_flavours())
def flavour(request: pytest.FixtureRequest) -> str:
    """The kind of server that this test runs on."""
    name: str = request.param
    if COMMANDS[name]() is None:
        missing = f"no {name} server here: {CURES[name]}"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    return name


@pytest.fixture(scope="session")
def redis_server(flavour: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One server for all tests of the session."""
    server = RedisServer(flavour, tmp_path_factory.mktemp(flavour)).start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty server's address."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        client.config_set("maxmemory", "0")
    return redis_server.url


@pytest.fixture
def new_server(flavour: str, tmp_path: Path) -> Iterator[NewServer]:
    """``new_server(*options)``: a server for this test alone, not yet started."""
    servers: list[RedisServer] = []

    def make(*options: str) -> RedisServer:
        directory = tmp_path / f"server-{len(servers)}"
        directory.mkdir()
        servers.append(RedisServer(flavour, directory, "--appendfsync", "always", *options))
        return servers[-1]

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def own_server(new_server: NewServer) -> RedisServer:
    """A running server that a test may kill, restart and configure."""
    return new_server().start()


@pytest.fixture
async def stream(redis_url: str, tmp_path: Path) -> AsyncIterator[Stream]:
    """The stream of parcels on an empty server."""
    async with opened(redis_url, tmp_path) as opened_stream:
        yield opened_stream
