"""What tests of backups share: a tenant on a real server, things to fill it with, and a picture of all it holds."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as some
from redis.asyncio import Redis

from aftersend.backup.collect import Collector
from aftersend.backup.create import Backups
from aftersend.backup.names import Backup
from aftersend.backup.records import KEPT_FACTS
from aftersend.backup.restore import Restored, Restorer
from aftersend.backup.target import open_target
from aftersend.errors import AftersendError
from aftersend.key_files import make_data_keys
from aftersend.ledger.documents import EntryWrite
from aftersend.ledger.entry import Entry, Notice, ParcelDetails, ParcelState, Problem, ProblemTag, TimedValue
from aftersend.ledger.index import INDEXES
from aftersend.ledger.store import ENTRY_LIFE_MS, Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.sendcloud.model import ParcelClass
from aftersend.stream.stored_events import PLACES, stored_events
from aftersend.stream.stream import GROUPS, Stream, StreamName
from tests.support.ledger_kit import client

TENANT = "shops.mueller"
KEEP_HOURS = 120


@dataclass(slots=True)
class BackedUpTenant:
    """One tenant: its Redis, its keys, its backups."""

    redis: Redis
    keyring: Keyring
    backups: Backups
    tenant: str = TENANT

    def __post_init__(self) -> None:
        self.state = TenantState(self.redis, tenant=self.tenant)
        self.ledger = Ledger(self.redis, tenant=self.tenant, keyring=self.keyring)

    state: TenantState = None  # type: ignore[assignment]
    ledger: Ledger = None  # type: ignore[assignment]

    def stream(self, name: StreamName) -> Stream:
        return Stream(self.redis, tenant=self.tenant, name=name, keyring=self.keyring)

    async def create(self) -> Backup:
        collector = Collector.of(self.redis, tenant=self.tenant, keyring=self.keyring)
        return await self.backups.create(collector, self.state, keep_hours=KEEP_HOURS)

    async def restore(self, backup: Backup) -> Restored:
        restorer = Restorer.of(self.redis, tenant=self.tenant, keyring=self.keyring, pickup_matters=False)
        return await restorer.restore(self.backups.records(backup), backup_id=backup.id)

    async def order(self, entry: Entry) -> None:
        """Put an entry in as if it had been written when it was last touched."""
        now = int(time.time() * 1000)
        life, sealed = (entry.touched + span - now for span in (ENTRY_LIFE_MS, ENTRY_LIFE_MS))
        assert await self.ledger._write([EntryWrite(None, entry, life=life, sealed_life=sealed)]) == [True]

    async def contents(self) -> dict[str, Any]:
        """Everything that a backup has to keep, in a form that can be compared."""
        orders = [order async for order in self.ledger.orders()]
        found = await self.ledger.get_many(orders)
        key = self.ledger._keys.key
        return {
            "facts": {name: await self.state.get(name) for name in KEPT_FACTS if name != "success.backup"},
            "days": await self.ledger.days.saved(),
            "orders": found,
            "indexes": {
                name: dict(await self.redis.zrange(key("index", name), 0, -1, withscores=True)) for name in INDEXES
            },
            "parcels": {
                parcel: await self.ledger.order_of(parcel) for entry in found.values() for parcel in entry.parcels
            },
            "events": {
                (name, place): sorted(
                    [self._event(name, each.fields, each.due) async for each in stored_events(self.stream(name), place)]
                )
                for name in GROUPS
                for place in PLACES
            },
        }

    def _event(self, name: StreamName, fields: Any, due: float) -> tuple[Any, ...]:
        """Its fields with plain data: sealing twice never gives the same bytes."""
        try:
            data = self.stream(name).unseal(fields)
        except AftersendError:
            data = fields.get(b"data", b"")
        return due, sorted({**fields, b"data": data}.items())

    async def lives(self) -> dict[str, int]:
        """When each key of the ledger expires, ms since 1970."""
        names = [name async for name in self.redis.scan_iter(match="*:order:*")]
        names += [name async for name in self.redis.scan_iter(match="*:parcel:*")]
        return {name.decode(): await self.redis.pexpiretime(name) for name in names}


@asynccontextmanager
async def shop(url: str, folder: Path, *, target: str = "", tenant: str = TENANT) -> AsyncIterator[BackedUpTenant]:
    """A tenant on that server, its keys and backups below that folder."""
    make_data_keys(folder / "data-key")
    keyring = Keyring(SecretFiles(folder / "data-key"))
    place = open_target(target or str(folder / "backups"), tenant=tenant, secrets=SecretFiles(folder / "backup"))
    redis = client(url)
    try:
        yield BackedUpTenant(redis, keyring, Backups(tenant, place, keyring), tenant)
    finally:
        await redis.aclose()


# Anything that may stand in a tenant's Redis

_ids = some.integers(1, 10**12).map(str)
_words = some.text(max_size=12)
_marks = some.sampled_from(["", "0" * 32, "f" * 32])


def entries_at(now: int) -> some.SearchStrategy[Entry]:
    """Entries of any shape, last touched within the last 89 days."""
    times = some.integers(now - ENTRY_LIFE_MS + 86_400_000, now)
    fields = some.builds(TimedValue, value=_words, time=some.integers(-1, now), assumed=some.booleans())
    details = some.builds(ParcelDetails, number=fields, url=fields, carrier=fields)
    parcel = some.builds(
        ParcelState,
        klass=some.sampled_from(ParcelClass),
        time=some.integers(-1, now),
        assumed=some.booleans(),
        revived=some.booleans(),
        collo=some.integers(0, 3),
        is_return=some.booleans(),
        mark=_marks,
        link_mark=_marks,
    )
    problem = some.builds(
        Problem, code=some.sampled_from(["rejected", "conflict", "withdrawn"]), since=times, path=_words
    )
    problem_tag = some.builds(ProblemTag, tag=_words, code=some.sampled_from(["rejected", "conflict"]), since=times)
    notice = some.builds(
        Notice, code=some.sampled_from(["customs_incomplete", "field_left_out"]), since=times, path=_words
    )
    return some.builds(
        Entry,
        order=_ids,
        state=some.sampled_from(["new", "pushing", "accepted", "confirmed", "labelled", "problem"]),
        since=times,
        revision=some.integers(1, 50),
        touched=times,
        fingerprint=_marks,
        pushes=some.integers(0, 3),
        pushed=some.one_of(some.just(0), times),
        watched=some.one_of(some.just(0), times),
        observed=some.integers(0, 9),
        applied=some.integers(0, 9),
        lagging=some.one_of(some.just(0), times),
        written=some.dictionaries(some.sampled_from(["AdditionalInfo", "VorgangsInfo1"]), _marks),
        ticks=some.frozensets(some.sampled_from(["tag", "shipped"])),
        problem=some.one_of(some.none(), problem),
        problem_tag=some.one_of(some.none(), problem_tag),
        notices=some.lists(notice, max_size=3).map(tuple),
        parcels=some.dictionaries(_ids, parcel, max_size=3),
        details=some.dictionaries(_ids, details, max_size=3),
    )
