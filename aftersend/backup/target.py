"""Where backups lie: a directory or ``s3://bucket/prefix``, in a folder per tenant.

Both are the same to us (obstore): files are written piece by piece, appear under their name only when they are whole,
and are renamed. In a directory they are also forced to disk, because the machine may lose power a moment later. The
keys of S3 are files: ``<secrets>/backup/accessKeyId``, ``secretAccessKey``, ``region`` and, for other providers than
Amazon, ``endpoint``.
"""

import errno
import os
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError, PermissionDeniedError, UnauthenticatedError
from obstore.store import LocalStore, S3Store

from aftersend.errors import CredentialsRefused, Misconfigured, Transient
from aftersend.secrets import SecretFiles

UPSTREAM: Final = "backup target"
_PART_BYTES: Final = 5 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2
_PIECE_BYTES: Final = 256 * 1024
_SYSTEM: Final = re.compile(r"\(os error (\d+)\)")
_CODES: Final = {
    errno.ENOSPC: "disk_full",
    errno.EDQUOT: "disk_full",
    errno.EFBIG: "disk_full",
    errno.EACCES: "not_writable",
    errno.EROFS: "not_writable",
}


class Target:
    """The folder of one tenant."""

    def __init__(self, store: LocalStore | S3Store, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    async def write(self, name: str, pieces: AsyncIterator[bytes]) -> None:
        """Store a file; it is there as a whole or not at all."""
        with _guarded():
            await obstore.put_async(self._store, name, pieces, chunk_size=_PART_BYTES, max_concurrency=_PARTS_AT_ONCE)
            self._force(name)

    async def read(self, name: str) -> AsyncGenerator[bytes, None]:
        """The bytes of a file, piece by piece."""
        with _guarded():
            found = await obstore.get_async(self._store, name)
            async for piece in found.stream(min_chunk_size=_PIECE_BYTES):
                yield bytes(piece)

    async def rename(self, name: str, to: str) -> None:
        """Give a file its name."""
        with _guarded():
            await obstore.rename_async(self._store, name, to)
            self._force("")

    async def remove(self, name: str) -> None:
        """Delete a file."""
        with _guarded():
            if self._folder is not None:
                (self._folder / name).unlink(missing_ok=True)
            else:
                await obstore.delete_async(self._store, name)

    async def files(self) -> list[tuple[str, int]]:
        """Name and size of every file, unfinished ones included."""
        with _guarded():
            if self._folder is not None:  # obstore does not list what it began and could not finish
                return [(path.name, path.stat().st_size) for path in self._folder.iterdir() if path.is_file()]
            pages = await obstore.list(self._store).collect_async()
            return [(entry["path"], entry["size"]) for entry in pages]

    def _force(self, name: str) -> None:
        """To disk with it: the file, or the folder's own entries."""
        if self._folder is None:
            return
        descriptor = os.open(self._folder / name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_target(text: str, *, tenant: str, secrets: SecretFiles) -> Target:
    """The folder of a tenant in a directory or bucket; ``Misconfigured`` if there is no such place."""
    if not text:
        raise Misconfigured(
            "there is no place for backups", cure="set AFTERSEND_BACKUP_TARGET to a directory or s3://bucket/prefix"
        )
    if "://" in text:
        return Target(_bucket(text, tenant, secrets))
    folder = Path(text) / tenant
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return Target(LocalStore(folder), folder=folder)
    except (OSError, BaseError) as error:
        raise Misconfigured(
            f"backups cannot be kept in {text} ({type(error).__name__})", cure="name a directory that can be written"
        ) from None


def _bucket(text: str, tenant: str, secrets: SecretFiles) -> S3Store:
    parts = urlsplit(text)
    if parts.scheme != "s3" or not parts.netloc:
        raise Misconfigured("AFTERSEND_BACKUP_TARGET is wrong", cure="use a directory or s3://bucket/prefix")
    endpoint = secrets.optional("endpoint")
    return S3Store(
        parts.netloc,
        config={"endpoint": endpoint} if endpoint else None,
        prefix=f"{parts.path.strip('/')}/{tenant}".lstrip("/"),
        access_key_id=secrets.required("accessKeyId"),
        secret_access_key=secrets.required("secretAccessKey"),
        region=secrets.optional("region") or "us-east-1",
        client_options={"allow_http": endpoint.startswith("http://"), "timeout": "60s"},
        retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=30)},
    )


@contextmanager
def _guarded() -> Iterator[None]:
    """No text of the library leaves: it holds addresses. What we raise ourselves passes."""
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
    found = _SYSTEM.search(str(error))
    number = int(found[1]) if found else getattr(error, "errno", None) or 0
    return _CODES.get(number, "unavailable")
