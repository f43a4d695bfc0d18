"""Asks for what no watch has told: every kind in turn, names and versions only.

A watch may lose an event without looking broken. Then an object that vanished or changed stays as we knew it, until the
server forgets the version to go on from, which may take days. So each kind is called up once in 45 seconds. What is
listed newer than we know it, or known but not listed, is given five seconds for its event to come; then it is looked at
itself. That bounds the age of any mistake to a minute.

The answers hold metadata only, and come from the server's own cache. So the price does not depend on what happens, nor
on how many calls a tenant would be worth: one call for each kind and served namespace.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from aftersend.errors import AftersendError
from aftersend.observe.logs import get_logger
from aftersend_operator.api.client import Api
from aftersend_operator.api.roll import Roll
from aftersend_operator.cache import Cache
from aftersend_operator.kinds import Kind, selectors
from aftersend_operator.sightings import Key

ROUND_SECONDS: Final = 45.0
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

    async def run(self) -> None:
        """Never ends; what the server refuses is asked again in the next round."""
        while True:
            for kind, namespace in self.streams:
                await asyncio.sleep(ROUND_SECONDS / len(self.streams))
                self.pulse()
                try:
                    await self._call(kind, namespace)
                except AftersendError as error:
                    get_logger().info("roll_call_failed", kind=kind.name, exc_info=error)

    async def _call(self, kind: Kind, namespace: str) -> None:
        known = partial(self.cache.versions, kind, namespace)
        roll = await self.api.call_roll(kind, namespace, selectors(kind))
        if not any(missed(roll, known())):
            return
        await asyncio.sleep(PATIENCE_SECONDS)
        behind, gone = missed(roll, known())
        for key in gone:
            self.cache.gone(kind, key, version=roll.version)
        for key in behind:
            live = await self.api.find(kind, *key)
            if live is not None:
                self.cache.saw(kind, live)
        if behind or gone:
            get_logger().warning("events_lost", kind=kind.name, changed=len(behind), gone=len(gone))
