"""The watch of Secrets: metadata only, so that no value of a merchant's Secret reaches the operator.

    list ──> watch from its version ──> events, bookmarks ──> end, silence, error ──> watch from the last version
      ^                                                              │
      └───────────────── 410: that version was compacted ────────────┘

Who names a Secret, and whether it is there, needs no content; which keys are missing the services report. Failed calls
are repeated with backoff; a refusal, such as a missing right, ends the process, as it does for kopf's watches.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aftersend.backoff import Backoff
from aftersend.errors import AftersendError, Transient
from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.api.errors import Expired
from aftersend_operator.informer.list_sync import ListSync
from aftersend_operator.model.kinds import SECRET, selectors
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import key_of, version_of

_SERVER_SECONDS: Final = 45
_BACKOFF: Final = Backoff(first=1.0, longest=15.0)


@dataclass(slots=True)
class SecretWatch:
    """List and watch the Secrets of one namespace, or of all (empty)."""

    api: Api
    list_sync: ListSync
    namespace: str
    heartbeat: Callable[[], None]
    _version: int = 0
    """Where to watch from; 0 = list first."""
    _failures: int = 0

    async def run(self) -> None:
        """List and watch for ever; raise ``ApiRefusal``."""
        while True:
            self.heartbeat()
            try:
                await self._round()
            except (Transient, Expired) as error:
                self._failures += 1
                self._version = 0 if isinstance(error, Expired) else self._version
                await asyncio.sleep(_delay(error, self._failures))

    async def _round(self) -> None:
        if not self._version:
            listed = await self.api.list_metadata(SECRET, self.namespace, selectors(SECRET))
            self.list_sync.replace(SECRET, self.namespace, list(listed.objects.values()), version=listed.version)
            self._version = listed.version
        watch = self.api.watch_metadata(
            SECRET, self.namespace, selectors(SECRET), version=self._version, seconds=_SERVER_SECONDS
        )
        async for kind, live in watch:
            self._failures = 0
            self._take(kind, live)

    def _take(self, event: str, live: Manifest) -> None:
        self._version = max(self._version, version_of(live))
        if event == "DELETED":
            self.list_sync.cache.remove(SECRET, key_of(live), version=version_of(live))
        elif event != "BOOKMARK":
            self.list_sync.cache.upsert(SECRET, live)


def _delay(error: AftersendError, failures: int) -> float:
    get_logger().info("secret_watch_interrupted", exc_info=error)
    return max(_BACKOFF.delay(failures), getattr(error, "retry_after", None) or 0.0)
