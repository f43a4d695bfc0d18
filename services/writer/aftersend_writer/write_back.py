"""Make Afterbuy show what the ledger observed: one round for one order, or for up to twenty at once.

    lease ─> read the entry ─> look at the order in Afterbuy ─> compare ──> nothing to write: tick the ledger
                                     ▲                            │
                                     └── write what differs <─────┘  (lease checked right before)

After every write the order is looked at again, and only what it shows is ticked: a success answer proves little. The
round ends when there is nothing left to write. So a lost answer, a crash at any step or a repetition costs one more
look and changes nothing.

Whatever answer to a call with several orders is not plain success, nobody knows what it did: all of them are looked at
again and written singly. A refusal of one order leads to a look and a write in parts. If the outcome is unknown
(time-out, broken connection), the round ends with that error, and the event comes back later.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Final, Protocol

from aftersend.afterbuy.model import AFTERBUY, Order, OrderChange, Page, UnreadableOrder
from aftersend.errors import AftersendError, Bug, Rejected, Transient
from aftersend.ledger.entry import Entry
from aftersend.ledger.store import Ledger
from aftersend.observe.traces import link
from aftersend.tenant.document import WriteBack
from aftersend_writer.order_update import Care, Case
from aftersend_writer.rules.diff import Rules
from aftersend_writer.rules.ledger_updates import ticked
from aftersend_writer.rules.ownership import Mac

LOOKS: Final = 6
"""Batch, single, parts, once more for what got lost, and room for one surprise."""
_UNCLEAR: Final = ("warning", "status_unclear")


class Afterbuy(Protocol):
    """What the writer needs of Afterbuy's client."""

    def orders_by_id(self, ids: Sequence[str]) -> AsyncIterator[Page]:
        """The orders with these ids, as far as they exist."""

    async def update(self, changes: Sequence[OrderChange]) -> None:
        """Write; raises on anything but plain success."""


class RoundMeter(Protocol):
    """Who is told how rounds went."""

    def succeeded(self) -> None:
        """One order is right in Afterbuy."""

    def raced(self, seconds: float) -> None:
        """One order was written; from the look it is based on to the answer it took so long."""


class Rounds:
    """Does rounds for one tenant. ``clock`` tells seconds since 1970.

    ``recovering`` is asked after each reading of the ledger: True stops the round before it writes.
    """

    def __init__(  # noqa: PLR0913 - everything a round depends on, by name
        self,
        *,
        ledger: Ledger,
        afterbuy: Afterbuy,
        wishes: WriteBack,
        mac: Mac,
        meter: RoundMeter,
        clock: Callable[[], float] = time.time,
        recovering: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._ledger = ledger
        self._afterbuy = afterbuy
        self._clock = clock
        self._meter = meter
        self._recovering = recovering
        self._rules = Rules(wishes, mac, lambda: datetime.fromtimestamp(clock(), UTC))

    async def round(self, orders: Mapping[str, bool]) -> dict[str, AftersendError | None]:
        """Bring these orders up to date; the value says whether to look even if nothing lags. Returns what failed."""
        outcomes: dict[str, AftersendError | None] = dict.fromkeys(orders)
        async with AsyncExitStack() as leases:
            cases: list[Case] = []
            for order_id, force in orders.items():
                try:
                    cases += await self._open(order_id, leases, force=force)
                except AftersendError as error:
                    outcomes[order_id] = error
            await self._work(cases)
            for case in cases:
                untold = await self._tick(case)
                outcomes[case.order_id] = case.error or untold
        return outcomes

    async def _open(self, order_id: str, leases: AsyncExitStack, *, force: bool) -> list[Case]:
        """The case of an order, if there is something to do."""
        lease = await leases.enter_async_context(self._ledger.lease(order_id))
        entry = await self._ledger.get(order_id)
        if self._recovering is not None and await self._recovering():
            return []  # this entry may come from a backup; the end of the recovery looks at all that lags
        if entry is None or not (force or entry.applied != entry.observed):
            return []
        link(entry.trace)  # the push, hours ago
        return [Case(lease, entry)]

    async def _work(self, cases: list[Case]) -> None:
        for _ in range(LOOKS):
            await self._look([case for case in cases if case.is_open])
            unfinished = [case for case in cases if case.is_open]
            if not unfinished:
                return
            await self._write(unfinished)
        for case in unfinished:
            case.error = case.error or Transient("not_shown", upstream=AFTERBUY)

    async def _look(self, cases: list[Case]) -> None:
        if not cases:
            return
        began = self._clock()
        try:
            shown = await self._read([case.order_id for case in cases])
        except AftersendError as error:
            _fail(cases, error)
            return
        for case in cases:
            case.looked_at = began
            case.see(shown.get(case.order_id), self._rules)

    async def _read(self, ids: list[str]) -> dict[str, Order | UnreadableOrder]:
        shown: dict[str, Order | UnreadableOrder] = {}
        async for page in self._afterbuy.orders_by_id(ids):
            shown |= {order.order_id: order for order in page.orders}
            shown |= {order.order_id: order for order in page.unreadable}
        return shown

    async def _write(self, cases: list[Case]) -> None:
        together = [case for case in cases if case.care is Care.BATCH]
        if len(together) > 1:
            await self._write_together(together)
            cases = [case for case in cases if case not in together]
        for case in cases:
            await self._write_alone(case)

    async def _write_together(self, cases: list[Case]) -> None:
        ready = [case for case in cases if await _is_held(case)]
        try:
            await self._update(ready, [case.change for case in ready])
        except AftersendError as error:
            if not _is_answer(error):
                _fail(ready, error)
            for case in ready:
                case.care = Care.SINGLE
        else:
            for case in ready:
                _note_written(case, case.change)

    async def _write_alone(self, case: Case) -> None:
        if case.care is Care.PARTS:
            await self._write_parts(case)
            return
        try:
            await self._send(case, case.change)
        except AftersendError as error:
            if _is_answer(error):
                case.care = Care.PARTS
            else:
                case.error = error

    async def _write_parts(self, case: Case) -> None:
        for part in case.parts():
            try:
                await self._send(case, part)
            except AftersendError as error:
                if not _is_answer(error):
                    case.error = error
                elif part.add_tags:
                    case.tag_tried = True
                elif part.parcel_labels:
                    case.labels_refused = True
                else:
                    case.give_up(error)
                if not case.is_open:
                    return

    async def _send(self, case: Case, change: OrderChange) -> None:
        await case.lease.check()
        await self._update([case], [change])
        _note_written(case, change)

    async def _update(self, cases: Sequence[Case], changes: Sequence[OrderChange]) -> None:
        """Write, and tell how long a person could have changed what we had looked at, whatever the answer is."""
        try:
            await self._afterbuy.update(changes)
        finally:
            for case in cases:
                self._meter.raced(self._clock() - case.looked_at)

    async def _tick(self, case: Case) -> AftersendError | None:
        """Remember the look, while the order is still ours alone."""
        seen = case.result
        if seen is None:
            return None
        try:
            await case.lease.check()
            await self._ledger.change(case.order_id, self._ticking(case))
        except AftersendError as error:
            return error
        if seen.fault is None:
            self._meter.succeeded()
        return None

    def _ticking(self, case: Case) -> Callable[[Entry], Entry]:
        seen, now = case.result, int(self._clock() * 1000)
        return lambda entry: ticked(entry, seen, mac=self._rules.mac, now=now) if seen else entry


def _note_written(case: Case, change: OrderChange) -> None:
    case.written = True
    case.tag_tried = case.tag_tried or bool(change.add_tags)


def _fail(cases: Sequence[Case], error: AftersendError) -> None:
    for case in cases:
        case.error = error


async def _is_held(case: Case) -> bool:
    try:
        await case.lease.check()
    except AftersendError as error:
        case.error = error
    return case.is_open


def _is_answer(error: AftersendError) -> bool:
    """True if Afterbuy said something about the content of the call; else the outcome is unknown, or nothing happened.

    Warnings whose meaning nobody knows are transient by type, but may be all that Afterbuy says about a tag.
    """
    return isinstance(error, Rejected | Bug) or (error.upstream == AFTERBUY and error.code.startswith(_UNCLEAR))
