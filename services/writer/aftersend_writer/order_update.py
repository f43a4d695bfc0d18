"""One order on its way through the writer: what was read, what is to be written, and how carefully.

    BATCH    beside other orders in one call
    SINGLE   alone, because the call with the others was not plain success
    PARTS    alone and in parts, because Afterbuy refused the whole: first what matters, then the labels, then the tag

How Afterbuy shows that it refuses a tag is unverified, so a tag has three ways to fail and all of them end in the
problem ``tag_refused``, with the number written: an error or warning for the call, an error for the tag alone, or a
success after which the order does not show the tag.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from aftersend.afterbuy.model import Order, OrderChange, UnreadableOrder
from aftersend.errors import AftersendError, Rejected
from aftersend.ledger.entry import Entry
from aftersend.redis.lease import Lease
from aftersend_writer.rules.diff import Fault, Rules, Verdict, compare
from aftersend_writer.rules.ledger_updates import GONE, Look, look


class Care(IntEnum):
    """How the next write is done."""

    BATCH = 0
    SINGLE = 1
    PARTS = 2


@dataclass(slots=True)
class Case:
    """The state of one order within one round; ``result`` or ``error`` ends it."""

    lease: Lease
    entry: Entry
    care: Care = Care.BATCH
    change: OrderChange = field(default_factory=lambda: OrderChange(""))
    result: Look | None = None
    error: AftersendError | None = None
    looked_at: float = 0.0
    """When the look began that the change is based on, in seconds."""
    tag_tried: bool = False
    labels_refused: bool = False
    written: bool = False
    """Something was written in this round."""
    tags_before: frozenset[str] = frozenset()
    """The tags that the order had before our write."""

    @property
    def order_id(self) -> str:
        """The OrderID."""
        return self.entry.order

    @property
    def is_open(self) -> bool:
        """There is still something to write."""
        return self.result is None and self.error is None

    def see(self, order: Order | UnreadableOrder | None, rules: Rules) -> None:
        """Judge the order as it was just read (None = Afterbuy has it no more)."""
        if order is None:
            self.result = Look(self.entry.observed, GONE)
        elif isinstance(order, UnreadableOrder):
            self.give_up(Rejected("unreadable", path=order.path, order=self.order_id))
        else:
            self._judge(compare(self.entry, order, rules, whole=self.written), rules)
            self._keep_tags(order)

    def give_up(self, error: AftersendError) -> None:
        """Afterbuy refuses this order for good: a problem for a person, and a dead letter."""
        self.result = Look(self.entry.observed, Fault("rejected", error.path))
        self.error = error

    def parts(self) -> Iterator[OrderChange]:
        """The change in parts, so that what Afterbuy dislikes keeps nothing else back."""
        nothing = OrderChange(self.order_id)
        parts = (
            replace(self.change, parcel_labels=(), add_tags=()),
            replace(nothing, parcel_labels=self.change.parcel_labels),
            replace(nothing, add_tags=self.change.add_tags),
        )
        return (part for part in parts if not part.is_empty)

    def _judge(self, verdict: Verdict, rules: Rules) -> None:
        tag_refused = self.tag_tried and bool(verdict.change.add_tags)
        self.change = replace(
            verdict.change,
            add_tags=() if self.tag_tried else verdict.change.add_tags,
            parcel_labels=() if self.labels_refused else verdict.change.parcel_labels,
        )
        if self.change.is_empty:
            self.result = look(self.entry, verdict, rules.wishes, fault=self._fault(tag_refused=tag_refused))

    def _keep_tags(self, order: Order) -> None:
        """Adding a tag must take no other away; should Afterbuy replace them after all, put them back, once."""
        if not self.tag_tried:
            self.tags_before = order.tags
        elif lost := self.tags_before - order.tags:
            self.tags_before = frozenset()
            self.result = None
            self.change = replace(self.change, order_id=self.order_id, add_tags=tuple(sorted(order.tags | lost)))

    def _fault(self, *, tag_refused: bool) -> Fault | None:
        if self.labels_refused:
            return Fault("rejected", "ParcelLabels")
        return Fault("tag_refused") if tag_refused else None
