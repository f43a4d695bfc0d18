"""Who changes a secret under a running process is seen: a rotation that nobody planned is an incident.

Each change counts when the file is next read. Parts read their secrets when they need them, which may be an hour from
now, so all that is mounted is also looked at four times a minute, whoever needs it. The first look is the one that the
others are compared with: what changed while no process ran, nobody here can know.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aftersend.errors import Misconfigured
from aftersend.loops import pause
from aftersend.observe.logs import get_logger
from aftersend.observe.metrics import Metrics
from aftersend.secrets import SecretFiles

FOLDERS: Final = ("afterbuy", "sendcloud", "redis", "data-key", "backup")
EVERY_SECONDS: Final = 15.0
Folders = Callable[[str], SecretFiles]


def watched(secrets: Folders, metrics: Metrics, *, tenant: str) -> Folders:
    """The same folders; their changes are counted and told, by name."""

    def changed(name: str) -> None:
        metrics.secret_changes.labels(tenant, name.partition("/")[0]).inc()
        get_logger().warning("secret_changed", secret=name)

    def folder(name: str) -> SecretFiles:
        files = secrets(name)
        files.changed = changed
        return files

    return folder


async def watch_secrets(secrets: Folders, metrics: Metrics, stop: asyncio.Event, *, tenant: str) -> None:
    """Look at everything that is mounted, until ``stop``."""
    while True:
        for name in FOLDERS:
            files = secrets(name)
            if keys := files.names():
                metrics.secret_changes.labels(tenant, name)  # from 0 on, or Prometheus would not see the first change
            for key in keys:
                with suppress(Misconfigured):  # whoever needs it will say so
                    files.optional(key)
        if not await pause(stop, EVERY_SECONDS):
            return
