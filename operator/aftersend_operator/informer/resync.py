"""Periodic resync: list every kind in turn, names and versions only, and correct the cache where it differs.

A watch may lose an event without looking broken. The cache would then be stale until the server compacts the resource
version to resume from, which may take days. So each kind is listed once in 40 seconds. An object that is newer in the
list than in the cache, or cached but not listed, gets five seconds for its watch event to arrive; then it is read
itself (but for Secrets, of which the list has all that is kept). That bounds the age of any mistake to a minute.

The lists hold metadata only, and come from the server's own watch cache (``resourceVersion=0``). Their cost depends on
neither changes nor tenants: one call for each kind and watched namespace.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Final

from aftersend.errors import AftersendError
from aftersend.loops import every
from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.api.metadata_list import MetadataList
from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.kinds import SECRET, Kind, selectors
from aftersend_operator.model.records import Key

INTERVAL_SECONDS: Final = 40.0
EVENT_GRACE_SECONDS: Final = 5.0


ListScope = tuple[Kind, str]
"""What one list covers: a kind in a namespace, or in all (empty)."""


def differences(listed: MetadataList, known: Mapping[Key, int]) -> tuple[set[Key], set[Key]]:
    """Return what is stale or missing in the cache, and what is cached but deleted."""
    behind = {key for key, version in listed.present.items() if known.get(key, 0) < version}
    gone = {key for key, version in known.items() if version <= listed.version and key not in listed.present}
    return behind, gone


@dataclass(frozen=True, slots=True)
class Resync:
    """List every scope, one after the other, for ever."""

    api: Api
    cache: Cache
    scopes: Sequence[ListScope]
    heartbeat: Callable[[], None]
    _pending: deque[tuple[float, ListScope, MetadataList]] = field(default_factory=deque)
    """Lists that differed from the cache, and when to compare them again."""

    async def run(self, stop: asyncio.Event) -> None:
        """List the scopes in turn until ``stop`` is set; one that failed is listed again in the next round."""
        turns = cycle(self.scopes)
        seconds = INTERVAL_SECONDS / len(self.scopes)
        await every(seconds, lambda: self._step(next(turns)), stop, heartbeat=self.heartbeat)

    async def _step(self, scope: ListScope) -> None:
        try:
            await self._correct_due()
            await self._list(scope)
        except AftersendError as error:
            get_logger().info("resync_failed", kind=scope[0].name, exc_info=error)

    async def _list(self, scope: ListScope) -> None:
        listed = await self.api.list_metadata(*scope, selectors(scope[0]))
        if any(differences(listed, self.cache.versions(*scope))):
            self._pending.append((time.monotonic() + EVENT_GRACE_SECONDS, scope, listed))

    async def _correct_due(self) -> None:
        """Correct what still differs although its event had time to arrive; the round does not wait for that."""
        while self._pending and self._pending[0][0] <= time.monotonic():
            _, (kind, namespace), listed = self._pending.popleft()
            behind, gone = differences(listed, self.cache.versions(kind, namespace))
            for key in gone:
                self.cache.remove(kind, key, version=listed.version)
            for key in behind:
                live = listed.objects[key] if kind is SECRET else await self.api.find_in_list(kind, *key)
                if live is not None:
                    self.cache.upsert(kind, live)
            if behind or gone:
                get_logger().warning("watch_events_missed", kind=kind.name, changed=len(behind), gone=len(gone))
