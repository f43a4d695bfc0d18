"""Asks for what no watch has told: every kind in turn, names and versions only.

A watch may lose an event without looking broken. Then an object that vanished or changed stays as we knew it, until the
server forgets the version to go on from, which may take days. So each kind is called up once in 40 seconds. What is
listed newer than we know it, or known but not listed, is given five seconds for its event to come; then it is looked at
itself. That bounds the age of any mistake to a minute.

The answers hold metadata only, and come from the server's own cache. So the price does not depend on what happens, nor
on how many calls a tenant would be worth: one call for each kind and served namespace.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from aftersend.errors import AftersendError
from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.api.metadata_list import Roll
from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.kinds import Kind, selectors
from aftersend_operator.model.records import Key

ROUND_SECONDS: Final = 40.0
PATIENCE_SECONDS: Final = 5.0


Stream = tuple[Kind, str]
"""What is watched as one: a kind in a namespace, or in all (empty)."""


def missed(roll: Roll, known: Mapping[Key, int]) -> tuple[set[Key], set[Key]]:
    """What we know to be older than it is, or not at all; and what we know, but is gone."""
    behind = {key for key, version in roll.present.items() if known.get(key, 0) < version}
    gone = {key for key, version in known.items() if version <= roll.version and key not in roll.present}
    return behind, gone


@dataclass(frozen=True, slots=True)
class RollCall:
    """Calls the roll of every stream, one after the other, for ever."""

    api: Api
    cache: Cache
    streams: Sequence[Stream]
    pulse: Callable[[], None]
    _open: deque[tuple[float, Stream, Roll]] = field(default_factory=deque)
    """Rolls that differed from what we knew, and when they are compared again."""

    async def run(self) -> None:
        """Never ends; what the server refuses is asked again in the next round."""
        while True:
            for stream in self.streams:
                await asyncio.sleep(ROUND_SECONDS / len(self.streams))
                self.pulse()
                try:
                    await self._settle()
                    await self._call(stream)
                except AftersendError as error:
                    get_logger().info("roll_call_failed", kind=stream[0].name, exc_info=error)

    async def _call(self, stream: Stream) -> None:
        roll = await self.api.call_roll(*stream, selectors(stream[0]))
        if any(missed(roll, self.cache.versions(*stream))):
            self._open.append((time.monotonic() + PATIENCE_SECONDS, stream, roll))

    async def _settle(self) -> None:
        """Look at what is still missed although its event had time to come; the round does not wait for that."""
        while self._open and self._open[0][0] <= time.monotonic():
            _, (kind, namespace), roll = self._open.popleft()
            behind, gone = missed(roll, self.cache.versions(kind, namespace))
            for key in gone:
                self.cache.gone(kind, key, version=roll.version)
            for key in behind:
                live = await self.api.find(kind, *key)
                if live is not None:
                    self.cache.saw(kind, live)
            if behind or gone:
                get_logger().warning("events_lost", kind=kind.name, changed=len(behind), gone=len(gone))
