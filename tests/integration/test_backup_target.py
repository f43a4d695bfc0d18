"""Where backups lie: directory and bucket behave alike, and neither quotes its addresses in an error."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aftersend.backup.target import Target, open_target
from aftersend.errors import CredentialsRefused, Misconfigured, Transient
from aftersend.secrets import SecretFiles
from tests.backup_kit import TENANT, shop
from tests.servers import free_port

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """A simulated S3 with one bucket."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await(port)
        address = f"http://127.0.0.1:{port}"
        with urllib.request.urlopen(urllib.request.Request(f"{address}/bucket", method="PUT"), timeout=30):
            yield address
    finally:
        process.kill()
        process.wait()


def _await(port: int) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline, "the simulated S3 does not start"
            time.sleep(0.05)
        else:
            return


def _keys(folder: Path, **keys: str) -> SecretFiles:
    folder.mkdir(exist_ok=True)
    for name, value in keys.items():
        (folder / name).write_text(value)
    return SecretFiles(folder)


@pytest.fixture(params=["directory", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    if request.param == "directory":
        return open_target(str(tmp_path / "backups"), tenant=TENANT, secrets=SecretFiles(tmp_path))
    endpoint = request.getfixturevalue("s3")
    secrets = _keys(tmp_path / "backup", accessKeyId="key", secretAccessKey="secret", endpoint=endpoint)
    return open_target(f"s3://bucket/{tmp_path.name}", tenant=TENANT, secrets=secrets)


async def _pieces(count: int, size: int, *, fails: bool = False) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number]) * size
    if fails:
        raise Transient("redis_unavailable", upstream="redis")


@pytest.mark.parametrize(("count", "size"), [(1, 10), (13, MIB)], ids=["small", "several parts"])
async def test_a_file_is_written_read_renamed_listed_and_removed(target: Target, count: int, size: int) -> None:
    assert await target.files() == []
    await target.write("a.partial", _pieces(count, size))
    assert await target.files() == [("a.partial", count * size)]
    await target.rename("a.partial", "a.backup")
    assert await target.files() == [("a.backup", count * size)]
    read = b"".join([piece async for piece in target.read("a.backup")])
    assert read == b"".join([piece async for piece in _pieces(count, size)])
    await target.remove("a.backup")
    assert await target.files() == []


async def test_what_fails_in_the_middle_leaves_nothing(target: Target) -> None:
    with pytest.raises(Transient, match="redis_unavailable"):
        await target.write("a.partial", _pieces(7, MIB, fails=True))
    assert await target.files() == []


async def test_what_is_not_there_is_an_error_of_ours(target: Target) -> None:
    with pytest.raises(Transient, match="backup target: not_found"):
        await anext(target.read("none"))


async def test_a_tenant_sees_its_own_folder_only(
    target: Target, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await target.write("a.backup", _pieces(1, 10))
    place = str(tmp_path / "backups") if "directory" in request.node.name else f"s3://bucket/{tmp_path.name}"
    other = open_target(place, tenant="shops.schmidt", secrets=SecretFiles(tmp_path / "backup"))
    assert await other.files() == []


async def test_an_unreachable_or_missing_bucket_names_no_address(s3: str, tmp_path: Path) -> None:
    secrets = _keys(tmp_path / "backup", accessKeyId="key", secretAccessKey="secret", endpoint=s3)
    missing = open_target("s3://nobody/prefix", tenant=TENANT, secrets=secrets)
    with pytest.raises((Transient, CredentialsRefused)) as caught:
        await missing.write("a", _pieces(1, 10))
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.upstream == "backup target"


def test_s3_needs_its_keys(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="backup/secretAccessKey"):
        open_target("s3://bucket", tenant=TENANT, secrets=_keys(tmp_path / "backup", accessKeyId="key"))


async def test_a_whole_backup_in_a_bucket(redis_url: str, s3: str, tmp_path: Path) -> None:
    _keys(tmp_path / "backup", accessKeyId="key", secretAccessKey="secret", region="eu-central-1", endpoint=s3)
    async with shop(redis_url, tmp_path, target=f"s3://bucket/{tmp_path.name}") as mueller:
        await mueller.state.set("sweep.cursor", "2026-11-26T10:00:00.000Z")
        backup = await mueller.create()
        assert await mueller.backups.list() == [backup]
        assert await mueller.backups.verify(backup) == backup
        await mueller.redis.flushall()
        await mueller.restore(backup)
        assert await mueller.state.get("sweep.cursor") == "2026-11-26T10:00:00.000Z"
