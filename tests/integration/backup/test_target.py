"""Where backups lie: directory and bucket behave alike, and neither quotes its addresses in an error."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from aftersend.backup.target import BackupTarget, open_target
from aftersend.errors import CredentialsRefused, Misconfigured, Transient
from aftersend.secrets import SecretFiles
from tests.support.backup_kit import TENANT, shop
from tests.support.simulated_s3 import simulated_s3

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    with simulated_s3() as address:
        yield address


def _keys(folder: Path, **keys: str) -> SecretFiles:
    folder.mkdir(exist_ok=True)
    for name, value in keys.items():
        (folder / name).write_text(value)
    return SecretFiles(folder)


@pytest.fixture(params=["directory", "s3"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> BackupTarget:
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
async def test_a_file_is_written_read_renamed_listed_and_removed(target: BackupTarget, count: int, size: int) -> None:
    assert await target.files() == []
    await target.write("a.partial", _pieces(count, size))
    assert await target.files() == [("a.partial", count * size)]
    await target.rename("a.partial", "a.backup")
    assert await target.files() == [("a.backup", count * size)]
    read = b"".join([piece async for piece in target.read("a.backup")])
    assert read == b"".join([piece async for piece in _pieces(count, size)])
    await target.remove("a.backup")
    assert await target.files() == []


async def test_what_fails_in_the_middle_leaves_nothing(target: BackupTarget) -> None:
    with pytest.raises(Transient, match="redis_unavailable"):
        await target.write("a.partial", _pieces(7, MIB, fails=True))
    assert await target.files() == []


async def test_what_is_not_there_is_an_error_of_ours(target: BackupTarget) -> None:
    with pytest.raises(Transient, match="backup target: not_found"):
        await anext(target.read("none"))


async def test_a_tenant_sees_its_own_folder_only(
    target: BackupTarget, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await target.write("a.backup", _pieces(1, 10))
    place = str(tmp_path / "backups") if "directory" in request.node.name else f"s3://bucket/{tmp_path.name}"
    other = open_target(place, tenant="shops.schmidt", secrets=SecretFiles(tmp_path / "backup"))
    assert await other.files() == []


async def test_an_unreachable_or_missing_bucket_names_no_address(s3: str, tmp_path: Path) -> None:
    secrets = _keys(tmp_path / "backup", accessKeyId="key", secretAccessKey="secret", endpoint=s3)
    missing = open_target("s3://missing/prefix", tenant=TENANT, secrets=secrets)
    with pytest.raises((Transient, CredentialsRefused)) as caught:
        await missing.write("a", _pieces(1, 10))
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.upstream == "backup target"


def test_s3_needs_its_keys(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="backup/secretAccessKey"):
        open_target("s3://bucket", tenant=TENANT, secrets=_keys(tmp_path / "backup", accessKeyId="key"))


@pytest.mark.parametrize(
    ("place", "key", "value", "named"),
    [
        ("s3://bucket", "endpoint", "minio:9000", "backup/endpoint"),
        ("s3://bucket", "endpoint", "http://", "backup/endpoint"),
        ("s3://bucket", "endpoint", "http://a b", "backup/endpoint"),
        ("s3://bucket", "endpoint", "http://minio:99999", "backup/endpoint"),
        ("s3://bucket", "region", "eu central 1", "backup/region"),
        ("s3://a bucket", "region", "eu-central-1", "AFTERSEND_BACKUP_TARGET"),
        ("s3://[bucket", "region", "eu-central-1", "AFTERSEND_BACKUP_TARGET"),
        ("gs://bucket", "region", "eu-central-1", "AFTERSEND_BACKUP_TARGET"),
    ],
)
def test_an_address_that_is_none_is_named_and_not_quoted(
    tmp_path: Path, place: str, key: str, value: str, named: str
) -> None:
    secrets = _keys(tmp_path / "backup", accessKeyId="key", secretAccessKey="secret", **{key: value})
    with pytest.raises(Misconfigured, match=named) as caught:
        open_target(place, tenant=TENANT, secrets=secrets)
    assert value not in str(caught.value)


def test_a_system_without_certificate_authorities_gets_its_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    with pytest.raises(Misconfigured, match="ca-certificates"):
        open_target("s3://bucket", tenant=TENANT, secrets=_keys(tmp_path / "s", accessKeyId="k", secretAccessKey="s"))


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
