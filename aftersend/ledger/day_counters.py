"""Daily counters: what happened on each day of the tenant's time zone, one hash per day, kept 35 days.

=======================  ==========================================================================================
field                    counts
=======================  ==========================================================================================
``sent``                 orders that Sendcloud accepted for the first time
``labelled``             orders of ours that got their first label
``written``              orders of ours whose parcel number Afterbuy showed for the first time
``took:<seconds>``       those by the time from the label to Afterbuy, in steps of two digits, rounded up
``<kind>.<outcome>``     runs (export, sweep) by outcome: done, partial, failed
``<kind>.missed``        due times of the schedule that passed without a run that succeeded, found when one does
=======================  ==========================================================================================

An order is counted by the script that writes its entry, exactly if the entry moves: a repetition moves nothing. Only
orders with a fingerprint count, which are those that this ledger sent: an entry that a sweep built anew after a loss of
Redis was counted when it was written before.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from aftersend.ledger.entry import Entry
from aftersend.redis.connection import guarded
from aftersend.redis.keys import Keys

if TYPE_CHECKING:
    from redis.asyncio import Redis

_DAYS: Final = 35
DAY_MS: Final = 86_400_000
DAY_LIFE_MS: Final = _DAYS * DAY_MS
MAX_SECONDS: Final = 1_000_000
"""The longest time that is distinguished: eleven days."""
_PRECISE: Final = 100


def counted(before: Entry, after: Entry, *, now: int) -> Iterator[str]:
    """Yield the fields that this change of an entry counts in, once each; ``now`` in ms."""
    if not after.fingerprint:
        return
    if _is_sent(after) and not _is_sent(before):
        yield "sent"
    if after.state == "labelled" and before.state != "labelled":
        yield "labelled"
    if after.written and not before.written:
        yield "written"
        yield f"took:{rounded((now - _labelled_at(after, now=now)) // 1000)}"


def rounded(seconds: int) -> int:
    """Round up to two digits, between 1 and ``MAX_SECONDS``: a day has few different values."""
    seconds, step = min(max(seconds, 1), MAX_SECONDS), 1
    while seconds > _PRECISE * step:
        step *= 10
    return -(-seconds // step) * step


class DayCounters:
    """The counters of one tenant; days are those of ``zone``, and without one no change of an entry is counted."""

    def __init__(
        self, redis: "Redis", *, tenant: str, zone: tzinfo | None, clock: Callable[[], float] = time.time
    ) -> None:
        self._redis = redis
        self._keys = Keys(tenant)
        self._zone = zone
        self._clock = clock

    def fields(self, before: Entry, after: Entry, *, now: int) -> list[str]:
        """Return the fields that this change of an entry counts in."""
        return list(counted(before, after, now=now)) if self._zone else []

    @property
    def key(self) -> str:
        """The key of today."""
        return self._key(self._today())

    async def add(self, counts: Mapping[str, int]) -> None:
        """Count something of today that is no change of an entry."""
        key = self.key
        with guarded():
            async with self._redis.pipeline(transaction=True) as pipeline:
                for field, count in counts.items():
                    pipeline.hincrby(key, field, count)
                pipeline.pexpire(key, DAY_LIFE_MS)
                await pipeline.execute()

    async def read(self, days: Sequence[date]) -> dict[date, dict[str, int]]:
        """Read these days in one round trip; a day without counts is left out."""
        with guarded():
            async with self._redis.pipeline(transaction=False) as pipeline:
                for day in days:
                    pipeline.hgetall(self._key(day))
                found = await pipeline.execute()
        return {
            day: {field.decode(): int(count) for field, count in stored.items()}
            for day, stored in zip(days, found, strict=True)
            if stored
        }

    async def saved(self) -> dict[str, dict[str, int]]:
        """Read what a backup keeps: every day that has not expired."""
        newest = self._today() + timedelta(days=1)  # the zone may have changed
        found = await self.read([newest - timedelta(days=ago) for ago in range(_DAYS + 2)])
        return {day.isoformat(): counts for day, counts in found.items()}

    async def restore(self, saved: Mapping[str, Mapping[str, int]]) -> None:
        """Put back the days of a backup that have not expired; of each field the greater count stays."""
        days = {date.fromisoformat(day): counts for day, counts in saved.items()}
        live, today = await self.read(list(days)), self._today()
        with guarded():
            async with self._redis.pipeline(transaction=True) as pipeline:
                for day, counts in days.items():
                    life = DAY_LIFE_MS - (today - day).days * DAY_MS
                    for field, count in counts.items() if life > 0 else ():
                        pipeline.hset(self._key(day), field, str(max(count, live.get(day, {}).get(field, 0))))
                    pipeline.pexpire(self._key(day), max(life, 1))
                await pipeline.execute()

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock(), self._zone or UTC).date()

    def _key(self, day: date) -> str:
        return self._keys.key("day", day.isoformat())


def _is_sent(entry: Entry) -> bool:
    """Return whether Sendcloud has it: a label may come before its acceptance is stored."""
    return entry.pushed > 0 or (entry.state == "labelled" and bool(entry.fingerprint))


def _labelled_at(entry: Entry, *, now: int) -> int:
    """Return when its first label was made, as far as that is known; ms."""
    known = [entry.parcels[parcel].time for parcel in entry.live]
    return min((at for at in (entry.since, *known) if at > 0), default=now)
