"""Rewrite the append-only file, so that what has expired is gone from the disk, too.

Redis appends: a sealed part that expired stays in the file until the next rewrite, which by itself comes only when the
file has grown by half. With the disk and the data key it could still be read. So a rewrite is asked for
once a day: in a managed Redis by the first backup of a day, in the embedded one by ``aftersend up``; and after an order
was erased on request. An external Redis is its owner's.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import NoPermissionError, ResponseError

from aftersend.errors import Transient
from aftersend.observe.logs import get_logger
from aftersend.redis.connection import guarded
from aftersend.secrets import SecretFiles

if TYPE_CHECKING:
    from redis.asyncio import Redis

_MAY_REWRITE: Final = ("backup", "up")
"""Users of a managed Redis; another one would be refused, which looks like an intruder."""


async def rewrite(redis: "Redis") -> None:
    """Start a rewrite, which the server does in the background; one under way will do."""
    execute: Any = redis.execute_command
    with guarded():
        try:
            await execute("BGREWRITEAOF")
        except NoPermissionError:
            raise
        except ResponseError:  # already in progress
            return


async def rewrite_once_a_day(redis: "Redis", secrets: SecretFiles, *, last_backup: datetime | None) -> None:
    """Rewrite if the last backup was made on another day (UTC)."""
    if last_backup is None or last_backup.date() != datetime.now(UTC).date():
        await rewrite_if_permitted(redis, secrets)


async def rewrite_if_permitted(redis: "Redis", secrets: SecretFiles) -> None:
    """Rewrite as a user of a managed Redis that may; a failure is a line in the log, and no more."""
    if secrets.optional("username") not in _MAY_REWRITE:
        return
    try:
        await rewrite(redis)
    except Transient as error:
        get_logger().warning("append_only_file_not_rewritten", code=error.code)
