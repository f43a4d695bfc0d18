"""Joins both simulated worlds by order number, determines the stage of each order, and searches.

A scan walks over everything; the page asks every second, so a scan is kept for forty times as long as it took: a
small world looks live, a world of 50,000 orders costs the servers beside it two or three per cent of their time.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, Generic, Literal, TypeVar

from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.sendcloud_account import PendingSave, SendcloudOrder, SendcloudParcel
from aftersend_sandbox.world.world import World

Stage = Literal["waiting", "saving", "incoming", "labelled", "done", "held", "foreign"]
STAGES: Final[dict[Stage, str]] = {
    "waiting": "Afterbuy only",
    "saving": "being saved",
    "incoming": "incoming",
    "labelled": "labelled",
    "done": "done",
    "held": "held back",
    "foreign": "Sendcloud only",
}
"""How far an order has come, in the order of its way, with the words of the page."""

KEEP: Final = 40
"""A scan is as good as new for this many times its own duration."""

SEARCHES: Final = 8
"""So many searches are kept."""

_WITHOUT_LABEL: Final = {999, 1001, 1002}

T = TypeVar("T")


@dataclass(slots=True)
class OrderView:
    """Everything that both sides know of one order number."""

    number: str
    order: AfterbuyOrder | None = None
    incoming: SendcloudOrder | None = None
    pending: PendingSave | None = None
    parcels: list[SendcloudParcel] = field(default_factory=list)

    @property
    def live(self) -> list[SendcloudParcel]:
        """Parcels that are on their way to the customer, or will be: labelled, not cancelled, no returns."""
        return [
            each
            for each in self.parcels
            if each.tracking_number and not each.cancelled and not each.is_return and each.status not in _WITHOUT_LABEL
        ]

    @property
    def stage(self) -> Stage:
        """The stage of the order, derived from the two worlds alone."""
        if self.order is None:
            return "foreign"
        held = bool(self.order.additional_info or any(each.number for each in self.order.shipping.parcel_labels))
        if self.live:
            return "done" if all(self._is_written(each) for each in self.live) else "labelled"
        if self.incoming:
            return "incoming"
        if self.pending:
            return "saving"
        return "held" if held else "waiting"

    def _is_written(self, parcel: SendcloudParcel) -> bool:
        """Return True if Afterbuy has the parcel's number, or a link with it."""
        return self.order is not None and (
            parcel.tracking_number in self.order.additional_info
            or bool(parcel.tracking_url and parcel.tracking_url in self.order.additional_info)
        )

    def matches(self, words: list[str]) -> bool:
        """Return True if every word occurs in what the page shows of it."""
        text = " ".join(self._texts()).casefold()
        return all(word in text for word in words)

    def _texts(self) -> Iterator[str]:
        yield self.number
        if order := self.order:
            for address in (order.billing, order.shipping_address):
                if address:
                    yield from (address.first_name, address.last_name, address.company, address.postal_code)
                    yield from (address.city, address.country_iso or address.country)
            yield from (order.additional_info, order.scenario.replace("_", " "), order.scenario, *order.tags)
            yield from (text for item in order.items for text in (item.title, item.platform))
        for parcel in self.parcels:
            yield from (str(parcel.id), parcel.tracking_number, parcel.carrier, parcel.message)


class CachedResult(Generic[T]):
    """The latest result of some work, done anew when the result is old."""

    def __init__(self, timer: Callable[[], float], work: Callable[[], T]) -> None:
        self._timer = timer
        self._work = work
        self._stale_at = float("-inf")
        self._value: T

    def value(self) -> T:
        """Return a result that is young enough."""
        start = self._timer()
        if start >= self._stale_at:
            self._value = self._work()
            end = self._timer()
            self._stale_at = end + KEEP * (end - start)
        return self._value


@dataclass(slots=True)
class Scan:
    """All cases, newest first, with how many there are of each stage."""

    cases: list[OrderView]
    counts: Counter[str]


def scan(world: World) -> Scan:
    """Join the worlds; orders of Afterbuy newest first, after those that Sendcloud alone knows."""
    cases: dict[str, OrderView] = defaultdict(lambda: OrderView(""))
    for order in world.afterbuy.orders.between(0, None, descending=True):
        cases[str(order.order_id)] = OrderView(str(order.order_id), order)
    for pending in world.sendcloud.pending.values():
        cases[str(pending.body.get("order_number", ""))].pending = pending
    for incoming in world.sendcloud.orders.values():
        cases[incoming.order_number].incoming = incoming
    for parcel in world.sendcloud.parcels:
        cases[parcel.order_number].parcels.append(parcel)
    for number, case in cases.items():
        case.number = number
    joined = sorted(cases.values(), key=lambda case: case.order is not None)
    return Scan(joined, Counter(case.stage for case in joined))


class Scanner:
    """Scans of a world and searches in them, made anew when they are old."""

    def __init__(self, world: World, timer: Callable[[], float] = time.perf_counter) -> None:
        self._world = world
        self._timer = timer
        self._scan = CachedResult(timer, lambda: scan(world))
        self._searches: dict[tuple[str, str], CachedResult[list[OrderView]]] = {}

    def latest(self) -> Scan:
        """Return a scan that is young enough."""
        return self._scan.value()

    def find(self, *, stage: str, words: str) -> list[OrderView]:
        """Find the orders of a stage (empty = all) that hold every word."""
        wanted = (stage, words.casefold())
        if wanted not in self._searches:
            if len(self._searches) >= SEARCHES:
                self._searches.clear()
            self._searches[wanted] = CachedResult(self._timer, lambda: list(self._search(*wanted)))
        return self._searches[wanted].value()

    def _search(self, stage: str, words: str) -> Iterator[OrderView]:
        wanted = words.split()
        for case in self.latest().cases:
            if (not stage or case.stage == stage) and (not wanted or case.matches(wanted)):
                yield case
