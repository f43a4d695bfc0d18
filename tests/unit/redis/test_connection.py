"""What the files of ``redis/`` hold never leaves the connection as another error than Redis being away."""

import socket
from pathlib import Path

import pytest

from aftersend.errors import StoreAway
from aftersend.redis.connection import connect, guarded
from aftersend.secrets import SecretFiles


@pytest.mark.parametrize(
    "authority",
    [b"", b"nonsense", "Käthe".encode(), b"\xff\xfe", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
)
async def test_an_unusable_authority_is_a_redis_that_is_away(authority: bytes, tmp_path: Path) -> None:
    (tmp_path / "ca.crt").write_bytes(authority)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    redis = connect(f"rediss://127.0.0.1:{port}/0", SecretFiles(tmp_path), part="writer")
    with pytest.raises(StoreAway, match="redis_unavailable"), guarded():
        await redis.info()
    await redis.aclose()


@pytest.mark.parametrize("key", ["username", "password"])
async def test_unreadable_credentials_are_refused_ones(key: str, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("password")
    (tmp_path / key).unlink(missing_ok=True)
    (tmp_path / key).mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        redis = connect(f"redis://127.0.0.1:{silent.getsockname()[1]}/0", SecretFiles(tmp_path), part="writer")
        with pytest.raises(StoreAway, match="redis_refused"), guarded():
            await redis.info()
        await redis.aclose()
