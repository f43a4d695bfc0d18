"""Leave one guarantee out, to see what it costs: ``BENCH_WITHOUT`` names it.

sealing    what is stored is stored in clear
metrics    counters and histograms do nothing
ledger     entries lie in memory: no Redis but for leases, no encoding, no sealing of them

Logs and traces have settings of their own.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from prometheus_client.metrics import MetricWrapperBase

from aftersend.ledger.documents import Documents, EntryLook, EntryWrite
from aftersend.ledger.entry import Entry
from aftersend.redis.lease import Lease
from aftersend.sealing import Keyring, SealKeyring

_entries: dict[str, Entry] = {}


def leave_out(environ: Mapping[str, str]) -> None:
    """Replace what ``BENCH_WITHOUT`` names."""
    for name in environ.get("BENCH_WITHOUT", "").split():
        _PARTS[name]()


class _Nothing:
    """A metric that ignores every call."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def _metrics() -> None:
    MetricWrapperBase.labels = lambda *_, **__: _Nothing()  # type: ignore[method-assign, assignment]


def _sealing() -> None:
    def same(_: object, data: bytes, **__: object) -> bytes:
        return data

    Keyring.seal = SealKeyring.seal = Keyring.open = same  # type: ignore[method-assign, assignment]


def _ledger() -> None:
    really_look, really_take = Documents.look, Documents.take

    async def look(self: Documents, order_ids: Sequence[str]) -> list[EntryLook]:
        found = zip(await read(self, order_ids), await really_look(self, order_ids), strict=True)
        return [replace(look, entry=entry) for entry, look in found]

    async def take(self: Documents, leases: Mapping[str, Lease]) -> dict[str, EntryLook]:
        taken = await really_take(self, leases)
        entries = await read(self, list(taken))
        return {order: replace(look, entry=entry) for (order, look), entry in zip(taken.items(), entries, strict=True)}

    async def read(self: Documents, order_ids: Sequence[str]) -> list[Entry | None]:
        return [_entries.get(self.keys_of(order_id)[0]) for order_id in order_ids]

    async def write(self: Documents, writes: Sequence[EntryWrite], *, now: int) -> list[bool]:  # noqa: ARG001 - as there
        _entries.update({self.keys_of(each.after.order)[0]: each.after for each in writes})
        return [True] * len(writes)

    Documents.read, Documents.write = read, write  # type: ignore[method-assign, assignment]
    Documents.look, Documents.take = look, take  # type: ignore[method-assign]


_PARTS = {"metrics": _metrics, "sealing": _sealing, "ledger": _ledger}
