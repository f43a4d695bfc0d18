"""File names of backups, and their retention.

    20261126T153000Z-3f9c.20261101.1234.backup      id . data key . records . backup
    20261126T153000Z-3f9c.partial                   being written, or left behind by a crash

The id begins with the time, so names sort by time. The name holds what a list shows: no file has to be opened for it.
A name proves nothing; verifying and restoring compare it with what is sealed inside.
"""

import re
import secrets
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from aftersend.stream.event import rfc3339

_TIME: Final = "%Y%m%dT%H%M%SZ"
_BACKUP: Final = re.compile(r"(\d{8}T\d{6}Z-[0-9a-f]{4})\.(\d{8}(?:-\d{1,9})?)\.(\d{1,12})\.backup")
_PARTIAL: Final = re.compile(r"(\d{8}T\d{6}Z-[0-9a-f]{4})\.partial\b")
_LEFT_BEHIND: Final = timedelta(days=1)
"""No backup takes so long: the process that began it is gone."""


class Backup(msgspec.Struct, frozen=True):
    """One line of ``backup list``."""

    id: str
    time: str
    """RFC 3339, UTC; when it was begun: nothing in it is older."""
    keys: int
    """Records in it: orders, events, and one for the facts of the tenant."""
    bytes: int
    verified: bool
    """It was read back, whole and decrypted, before it got its name."""


def new_id(now: datetime) -> str:
    """Make the id of a backup that begins now."""
    return f"{now.astimezone(UTC).strftime(_TIME)}-{secrets.token_hex(2)}"


def partial_name(backup_id: str) -> str:
    """Return the name of an unfinished backup."""
    return f"{backup_id}.partial"


def backup_name(backup_id: str, *, key: str, records: int) -> str:
    """Return the name of a finished backup."""
    return f"{backup_id}.{key}.{records}.backup"


def published(files: Iterable[tuple[str, int]]) -> list[Backup]:
    """Return the backups among these files (name, size), oldest first."""
    found = [(match, size) for name, size in files if (match := _BACKUP.fullmatch(name))]
    return sorted((_backup(match[1], int(match[3]), size) for match, size in found), key=lambda backup: backup.id)


def file_of(files: Iterable[tuple[str, int]], backup_id: str) -> str | None:
    """Return the file of one backup."""
    return next((name for name, _ in files if (match := _BACKUP.fullmatch(name)) and match[1] == backup_id), None)


def key_of(name: str) -> str:
    """Return the data key that a published file needs."""
    match = _BACKUP.fullmatch(name)
    return match[2] if match else ""


def outdated(files: Sequence[tuple[str, int]], *, now: datetime, keep_hours: int) -> list[str]:
    """Return the files to delete: backups beyond their retention, except the last of all, and unfinished ones."""
    backups = sorted(name for name, _ in files if _BACKUP.fullmatch(name))
    old = [name for name in backups[:-1] if now - _time_of(name) > timedelta(hours=keep_hours)]
    partial = [name for name, _ in files if _PARTIAL.match(name) and now - _time_of(name) > _LEFT_BEHIND]
    return old + partial


def _backup(backup_id: str, records: int, size: int) -> Backup:
    return Backup(backup_id, rfc3339(_time_of(backup_id).timestamp()), records, size, verified=True)


def _time_of(name: str) -> datetime:
    try:
        return datetime.strptime(name.partition("-")[0], _TIME).replace(tzinfo=UTC)
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)  # digits, but no time: not a backup of ours, so it stays
