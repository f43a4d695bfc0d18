"""Backup targets: a directory or ``s3://bucket/prefix``, with a folder per tenant.

A directory is forced to disk at each step, because the machine may lose power a moment later. In a bucket a file is
there when it is whole. The keys of S3 are files: ``<secrets>/backup/accessKeyId``, ``secretAccessKey``, ``region``
and, for other providers than Amazon, ``endpoint``.

obstore is called from threads, never as coroutines: its own threads would hand their results over to Python, and a
process that ends at that moment aborts. It also aborts at an address that is none, so addresses are checked before.
"""

import asyncio
import errno
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import S3Store

from aftersend.errors import CredentialsRefused, Misconfigured, Transient
from aftersend.secrets import SecretFiles

UPSTREAM: Final = "backup target"
_PART_BYTES: Final = 5 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2
_PIECE_BYTES: Final = 256 * 1024
_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]*[a-z0-9]")
_REGION: Final = re.compile(r"[A-Za-z0-9-]*")
_ENDPOINT: Final = re.compile(r"https?://([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?")
_CODES: Final = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EACCES: "not_writable",
    errno.EROFS: "not_writable",
}


class BackupTarget(Protocol):
    """The folder of one tenant. All raise ``Transient`` or ``CredentialsRefused``, never with a text of a library."""

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Store a file, piece by piece; a failure in the middle leaves no file."""

    def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """Read a file, piece by piece."""

    async def rename(self, name: str, to: str) -> None:
        """Rename a file."""

    async def remove(self, name: str) -> None:
        """Delete a file."""

    async def files(self) -> list[tuple[str, int]]:
        """List name and size of every file, unfinished ones included."""


class DirectoryTarget:
    """A directory, such as a volume."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """As the protocol says; a process that is killed leaves a part under this name."""
        path = self._folder / name
        try:
            with _guarded(), os.fdopen(_private(path), "wb") as file:
                async for piece in pieces:
                    file.write(piece)
                file.flush()
                await asyncio.to_thread(os.fsync, file.fileno())
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """As the protocol says."""
        with _guarded(), (self._folder / name).open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                yield piece

    async def rename(self, name: str, to: str) -> None:
        """As the protocol says."""
        with _guarded():
            (self._folder / name).rename(self._folder / to)
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                await asyncio.to_thread(os.fsync, descriptor)
            finally:
                os.close(descriptor)

    async def remove(self, name: str) -> None:
        """As the protocol says."""
        with _guarded():
            (self._folder / name).unlink(missing_ok=True)

    async def files(self) -> list[tuple[str, int]]:
        """As the protocol says."""
        with _guarded():
            return [(path.name, path.stat().st_size) for path in self._folder.iterdir() if path.is_file()]


def _private(path: Path) -> int:
    """Create a file for the owner only: not even sizes and times of a backup are of use to others."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)


class BucketTarget:
    """A prefix in a bucket; files longer than 5 MiB go up in parts."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """As the protocol says; the bucket's lifecycle rule clears away parts of what was not finished."""
        with _guarded():
            writer = obstore.open_writer(self._store, name, buffer_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
            async for piece in pieces:
                await asyncio.to_thread(writer.write, piece)
            await asyncio.to_thread(writer.close)

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """As the protocol says."""
        with _guarded():
            found = await asyncio.to_thread(obstore.get, self._store, name)
            stream = iter(found.stream(min_chunk_size=_PIECE_BYTES))
            while (piece := await asyncio.to_thread(next, stream, None)) is not None:
                yield bytes(piece)

    async def rename(self, name: str, to: str) -> None:
        """As the protocol says; the store itself copies."""
        with _guarded():
            await asyncio.to_thread(obstore.rename, self._store, name, to)

    async def remove(self, name: str) -> None:
        """As the protocol says."""
        with _guarded():
            await asyncio.to_thread(obstore.delete, self._store, name)

    async def files(self) -> list[tuple[str, int]]:
        """As the protocol says."""
        with _guarded():
            found = await asyncio.to_thread(lambda: obstore.list(self._store).collect())
            return [(entry["path"], entry["size"]) for entry in found]


def open_target(text: str, *, tenant: str, secrets: SecretFiles) -> BackupTarget:
    """Open the folder of a tenant in a directory or bucket; ``Misconfigured`` if it cannot be used."""
    if not text:
        raise Misconfigured(
            "there is no place for backups", cure="set AFTERSEND_BACKUP_TARGET to a directory or s3://bucket/prefix"
        )
    if "://" in text:
        return BucketTarget(_store(text, tenant, secrets))
    folder = Path(text) / tenant
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise Misconfigured(
            f"backups cannot be kept in {text} ({type(error).__name__})", cure="name a directory that can be written"
        ) from None
    return DirectoryTarget(folder)


def _store(text: str, tenant: str, secrets: SecretFiles) -> S3Store:
    bucket, _, prefix = text.removeprefix("s3://").partition("/")
    if not text.startswith("s3://") or not _BUCKET.fullmatch(bucket):
        raise Misconfigured("AFTERSEND_BACKUP_TARGET is wrong", cure="use a directory or s3://bucket/prefix")
    endpoint, region = _place(secrets)
    access_key_id, secret_access_key = secrets.all_of("accessKeyId", "secretAccessKey")
    try:
        return S3Store(
            bucket,
            config={"endpoint": endpoint} if endpoint else None,
            prefix=f"{prefix.strip('/')}/{tenant}".lstrip("/"),
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
            region=region,
            client_options={"allow_http": endpoint.startswith("http://"), "timeout": "60s"},
            retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
        )
    except BaseError:
        raise Misconfigured(
            "no client of S3 can be made here", cure="install certificate authorities (ca-certificates)"
        ) from None


def _place(secrets: SecretFiles) -> tuple[str, str]:
    """Return endpoint (empty for Amazon's own) and region."""
    endpoint, region = secrets.optional("endpoint"), secrets.optional("region")
    if endpoint and not _is_address(endpoint):
        raise Misconfigured(f"{secrets.name('endpoint')} is no address", cure="write https://host or https://host:port")
    if not _REGION.fullmatch(region):
        raise Misconfigured(f"{secrets.name('region')} is no region", cure="write it as in eu-central-1")
    return endpoint, region or "us-east-1"


def _is_address(text: str) -> bool:
    try:
        return bool(_ENDPOINT.fullmatch(text)) and urlsplit(text).port != 0
    except ValueError:  # no such port
        return False


@contextmanager
def _guarded() -> Iterator[None]:
    """Raise errors of the library as our own, without their texts, which hold addresses."""
    try:
        yield
    except (PermissionDeniedError, UnauthenticatedError):
        refused = True
    except FileNotFoundError:
        raise Transient("not_found", upstream=UPSTREAM) from None
    except (BaseError, OSError) as error:
        refused, code = False, _code(error)
    else:
        return
    if refused:
        raise CredentialsRefused("credentials_refused", upstream=UPSTREAM) from None
    raise Transient(code, upstream=UPSTREAM) from None


def _code(error: Exception) -> str:
    return _CODES.get(getattr(error, "errno", None) or 0, "unavailable")
