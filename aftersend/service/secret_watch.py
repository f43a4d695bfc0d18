"""Count and log every change of a secret file under a running process: an unplanned rotation is an incident.

A change is noticed when the file is next read. The parts read a secret when they need it, which may be an hour from
now, so ``keep`` also reads all mounted secrets four times a minute. The first read is the reference: changes that
happened while no process ran are not seen.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Final

from aftersend.errors import Misconfigured
from aftersend.loops import every
from aftersend.observe.logs import get_logger
from aftersend.observe.metrics import Metrics
from aftersend.secrets import SecretFiles

FOLDERS: Final = ("afterbuy", "sendcloud", "redis", "data-key", "seal-key", "backup")
EVERY_SECONDS: Final = 15.0
Folders = Callable[[str], SecretFiles]


def missing_keys(folders: Folders, needed: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the needed keys that are missing, and every key that is there but empty or unreadable."""
    missing = {name for folder, keys in needed.items() for name in folders(folder).missing(*keys)}
    return sorted(missing.union(*(folders(folder).unusable() for folder in FOLDERS)))


class SecretWatcher:
    """The secret folders of one tenant, with a count and a log line for each change."""

    def __init__(self, folders: Folders, metrics: Metrics, *, tenant: str) -> None:
        self._folders = folders
        self._changes = metrics.secret_changes
        self._tenant = tenant

    def __call__(self, name: str) -> SecretFiles:
        """Return one folder, watched."""
        files = self._folders(name)
        files.changed = self._changed
        return files

    async def keep(self, stop: asyncio.Event) -> None:
        """Read all mounted secrets every ``EVERY_SECONDS`` until ``stop``."""
        await every(EVERY_SECONDS, self._read_all, stop)

    async def _read_all(self) -> None:
        for name in FOLDERS:
            with suppress(Misconfigured):  # the part that needs this secret reports it
                self._read_folder(name)

    def _read_folder(self, name: str) -> None:
        files = self(name)
        if keys := files.names():
            self._changes.labels(self._tenant, name)  # from 0 on, or Prometheus would not see the first change
        for key in keys:
            with suppress(Misconfigured):
                files.optional(key)

    def _changed(self, name: str) -> None:
        self._changes.labels(self._tenant, name.partition("/")[0]).inc()
        get_logger().warning("secret_changed", secret=name)
