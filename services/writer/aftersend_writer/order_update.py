"""The update of one order: what was read, what is to be written, and at which granularity.

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
from aftersend_writer.rules.diff import Diff, OrderProblem, Rules, compare
from aftersend_writer.rules.ledger_updates import ORDER_GONE, Observation, observe


class Granularity(IntEnum):
    """What the next write of an order shares a call with."""

    BATCH = 0
    SINGLE = 1
    PARTS = 2


@dataclass(slots=True)
class OrderUpdate:
    """The state of one order within its batch; ``observation`` or ``error`` ends it."""

    lease: Lease
    entry: Entry
    granularity: Granularity = Granularity.BATCH
    change: OrderChange = field(default_factory=lambda: OrderChange(""))
    observation: Observation | None = None
    error: AftersendError | None = None
    read_at: float = 0.0
    """When the read began that the change is based on, in seconds since 1970."""
    tag_tried: bool = False
    labels_refused: bool = False
    written: bool = False
    """Something was written within this batch."""
    tags_before: frozenset[str] = frozenset()
    """The tags that the order had before our write."""

    @property
    def order_id(self) -> str:
        """The OrderID."""
        return self.entry.order

    @property
    def is_open(self) -> bool:
        """There is still something to write."""
        return self.observation is None and self.error is None

    def evaluate(self, order: Order | UnreadableOrder | None, rules: Rules) -> None:
        """Compare the order as it was just read with the ledger (None: Afterbuy has it no more)."""
        if order is None:
            self.observation = Observation(self.entry.observed, ORDER_GONE)
        elif isinstance(order, UnreadableOrder):
            self.reject(Rejected("unreadable", path=order.path, order=self.order_id))
        else:
            self._apply(compare(self.entry, order, rules, full=self.written), rules)
            self._restore_lost_tags(order)

    def reject(self, error: AftersendError) -> None:
        """End with the problem ``rejected`` and a dead letter: Afterbuy refuses this order for good."""
        self.observation = Observation(self.entry.observed, OrderProblem("rejected", error.path))
        self.error = error

    def parts(self) -> Iterator[OrderChange]:
        """Split the change, so that a refused part keeps no other back."""
        nothing = OrderChange(self.order_id)
        parts = (
            replace(self.change, parcel_labels=(), add_tags=()),
            replace(nothing, parcel_labels=self.change.parcel_labels),
            replace(nothing, add_tags=self.change.add_tags),
        )
        return (part for part in parts if not part.is_empty)

    def _apply(self, diff: Diff, rules: Rules) -> None:
        tag_refused = self.tag_tried and bool(diff.change.add_tags)
        self.change = replace(
            diff.change,
            add_tags=() if self.tag_tried else diff.change.add_tags,
            parcel_labels=() if self.labels_refused else diff.change.parcel_labels,
        )
        if self.change.is_empty:
            problem = self._problem(tag_refused=tag_refused)
            self.observation = observe(self.entry, diff, rules.settings, problem=problem)

    def _restore_lost_tags(self, order: Order) -> None:
        """Put back, once, the tags that Afterbuy dropped: adding a tag must take no other away."""
        if not self.tag_tried:
            self.tags_before = order.tags
        elif lost := self.tags_before - order.tags:
            self.tags_before = frozenset()
            self.observation = None
            self.change = replace(self.change, order_id=self.order_id, add_tags=tuple(sorted(order.tags | lost)))

    def _problem(self, *, tag_refused: bool) -> OrderProblem | None:
        if self.labels_refused:
            return OrderProblem("rejected", "ParcelLabels")
        return OrderProblem("tag_refused") if tag_refused else None
