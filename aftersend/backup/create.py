"""Create a backup: write it aside, read it back, and only then give it its name.

    collect ──> <id>.partial ──> read back and count ──> rename ──> old ones go

A failure before the renaming leaves all older backups as they were; a crash leaves a ``.partial`` that the next day's
backup deletes. Old backups are deleted only after a good one, and the last good one never is.

The newest data key seals, at once: unlike an event, a backup is not opened by a process that might not have that key
yet. So old keys are needed only until the backups made under them are outdated.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from aftersend.backup.chunks import packed, unpacked
from aftersend.backup.collect import Collector
from aftersend.backup.errors import BadBackup
from aftersend.backup.names import Backup, backup_name, file_of, new_id, outdated, partial_name, published
from aftersend.backup.records import Record
from aftersend.backup.target import BackupTarget
from aftersend.errors import AftersendError
from aftersend.ledger.saved_order import SavedOrder
from aftersend.ledger.tenant_state import TenantState
from aftersend.observe.logs import get_logger
from aftersend.sealing import Keyring


@dataclass(frozen=True, slots=True)
class Backups:
    """The backups of one tenant."""

    tenant: str
    target: BackupTarget
    keyring: Keyring

    async def list(self) -> list[Backup]:
        """List them, oldest first."""
        return published(await self.target.files())

    async def find(self, wanted: str) -> Backup:
        """Find one by its id, or the ``latest``."""
        found = [backup for backup in await self.list() if wanted in (backup.id, "latest")]
        if not found:
            what = "no backup yet" if wanted == "latest" else f"no backup {wanted}"
            raise BadBackup(what, cure="`aftersend backup list` shows what there is")
        return found[-1]

    async def verify(self, backup: Backup) -> Backup:
        """Read it from beginning to end; ``BadBackup`` or ``Misconfigured`` (no key) if it cannot be used."""
        async with aclosing(self.records(backup)) as records:
            await _count(records, backup.id, expected=backup.keys)
        return backup

    async def records(self, backup: Backup) -> AsyncGenerator[Record, None]:
        """Yield its records; raises in the middle if it is damaged there, so verify it before."""
        name = file_of(await self.target.files(), backup.id)
        if name is None:
            raise BadBackup("gone", upstream=f"backup {backup.id}")
        async with aclosing(self._read(name, backup.id)) as records:
            async for record in records:
                yield record

    async def newer_tombstones(self, backup: Backup) -> Sequence[SavedOrder]:
        """Return the tombstones of the newest backup that can be read, if it is newer than this one."""
        newer = [each for each in await self.list() if each.time >= backup.time and each.id != backup.id]
        for each in reversed(newer):
            try:
                async with aclosing(self.records(each)) as records:
                    return [one async for one in records if isinstance(one, SavedOrder) and one.entry.is_forgotten]
            except AftersendError:
                continue
        return []

    async def _read(self, name: str, backup_id: str) -> AsyncGenerator[Record, None]:
        async with aclosing(self.target.read(name)) as source:
            async for record in unpacked(source, self.keyring, tenant=self.tenant, backup_id=backup_id):
                yield record

    async def create(
        self,
        collector: Collector,
        state: TenantState,
        *,
        keep_hours: int,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Backup:
        """Create one and delete outdated ones; if it raises, no older one was touched."""
        begun = clock()
        backup_id, key = new_id(begun), self.keyring.ids()[0]
        aside = partial_name(backup_id)
        try:
            records = await self._write(aside, collector, backup_id=backup_id, key=key)
            async with aclosing(self._read(aside, backup_id)) as written:
                await _count(written, backup_id, expected=records)
            await self.target.rename(aside, backup_name(backup_id, key=key, records=records))
        except AftersendError:
            with suppress(AftersendError):
                await self.target.remove(aside)
            raise
        await state.set("success.backup", str(int(begun.timestamp() * 1000)))
        if collector.unreadable:
            get_logger().warning("backup_without_sealed_parts", count=collector.unreadable)
        await self._clear(keep_hours=keep_hours, now=clock())
        return await self.find(backup_id)

    async def _write(self, name: str, collector: Collector, *, backup_id: str, key: str) -> int:
        count = 0

        async def counted() -> AsyncIterator[Record]:
            nonlocal count
            async for record in collector.records():
                count += 1
                yield record

        pieces = packed(counted(), self.keyring, tenant=self.tenant, backup_id=backup_id, key=key)
        await self.target.write(name, pieces)
        return count

    async def _clear(self, *, keep_hours: int, now: datetime) -> None:
        """Delete outdated ones; the new backup is good even if that fails."""
        try:
            for name in outdated(await self.target.files(), now=now, keep_hours=keep_hours):
                await self.target.remove(name)
        except AftersendError as error:
            get_logger().warning("old_backups_stay", code=error.code)


async def _count(records: AsyncIterator[Record], backup_id: str, *, expected: int) -> None:
    count = 0
    async for _ in records:
        count += 1
    if count != expected:
        raise BadBackup("holds other than its name says", upstream=f"backup {backup_id}")
