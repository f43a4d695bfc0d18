"""Servers for integration tests: each test sees an empty one, the process is shared by the session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.servers import RedisServer, selected_flavours


@pytest.fixture(scope="session", params=selected_flavours())
def redis_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    flavour: str = request.param
    directory: Path = tmp_path_factory.mktemp(flavour)
    try:
        server = RedisServer(flavour, directory)
    except FileNotFoundError as missing:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(missing))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty server's address."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
        client.config_set("maxmemory", "0")
    return redis_server.url
