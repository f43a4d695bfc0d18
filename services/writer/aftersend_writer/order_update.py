"""The update of one order: what was read, what is to be written, and at which granularity.

    BATCH    beside other orders in one call
    SINGLE   alone, because the call with the others was not plain success
    PARTS    alone and in parts, because Afterbuy refused the whole: first what matters, then the labels, then the tag

How Afterbuy shows that it refuses a tag is unverified, so a tag has three ways to fail and all of them end in the
problem ``tag_refused``, with the number written: an error or warning for the call, an error for the tag alone, or a
success after which the order does not show the tag.

A success that the next read does not show yet makes the update late: it is read once more after a while, and what is
still missing then is written once more. What is not shown even then waits for the next try of its event.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from msgspec.structs import replace

from aftersend.afterbuy.model import AFTERBUY, Order, OrderChange, UnreadableOrder
from aftersend.errors import AftersendError, Bug, Rejected
from aftersend.ledger.entry import Entry, ProblemTag
from aftersend.redis.lease import Lease
from aftersend_writer.rules.diff import Diff, OrderProblem, Rules, compare
from aftersend_writer.rules.ledger_updates import ORDER_GONE, Observation, observe

_UNCLEAR: Final = ("warning", "status_unclear")


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
    reads_only: bool = False
    """Afterbuy did not show this order's updates too often today: see only whether it does now."""
    granularity: Granularity = Granularity.BATCH
    change: OrderChange = field(default_factory=lambda: OrderChange(""))
    observation: Observation | None = None
    error: AftersendError | None = None
    read_at: float = 0.0
    """When the read began that the change is based on, in seconds since 1970."""
    tag_tried: bool = False
    labels_refused: bool = False
    accepted: list[OrderChange] = field(default_factory=list)
    """What was written within this batch with plain success."""
    lacks_effect: bool = False
    """Afterbuy did not show in this round what it had accepted."""
    is_late: bool = False
    """Something of that is not shown yet."""
    waited: bool = False
    may_repeat: bool = False
    """It was waited for, and may be written once more."""
    tags_before: frozenset[str] = frozenset()
    """The tags that the order had before our write."""
    tagged: Sequence[ProblemTag | None] = ()
    """What the ledger is to hold of the problem's tag, if that changed."""

    @property
    def order_id(self) -> str:
        """The OrderID."""
        return self.entry.order

    @property
    def is_open(self) -> bool:
        """There is still something to write, now or later."""
        return self.observation is None and self.error is None

    @property
    def is_active(self) -> bool:
        """There is still something to write now."""
        return self.is_open and not self.is_late

    @property
    def is_success(self) -> bool:
        """Afterbuy shows the order as it should be."""
        return self.observation is not None and self.observation.problem is None

    def evaluate(self, order: Order | UnreadableOrder | None, rules: Rules) -> None:
        """Compare the order as it was just read with the ledger (None: Afterbuy has it no more)."""
        if order is None:
            self.observation = Observation(self.entry.observed, ORDER_GONE)
        elif isinstance(order, UnreadableOrder):
            self.reject(Rejected("unreadable", path=order.path, order=self.order_id))
        else:
            self._evaluate_shown(order, rules)

    def reject(self, error: AftersendError) -> None:
        """End with the problem ``rejected`` and a dead letter: Afterbuy refuses this order for good."""
        self.observation = Observation(self.entry.observed, OrderProblem("rejected", error.path))
        self.error = error

    def mark_accepted(self, change: OrderChange) -> None:
        """Note what Afterbuy answered plain success to."""
        self.accepted.append(change)
        self.tag_tried = self.tag_tried or bool(change.add_tags)

    def resume(self) -> None:
        """Go on with a late update: what is still not shown may be written once more."""
        self.is_late = False
        self.waited = self.may_repeat = True

    def end_unshown(self) -> None:
        """End with the problem ``not_shown``; the event is done."""
        self.observation = Observation(self.entry.observed, OrderProblem("not_shown"))

    def parts(self) -> Iterator[OrderChange]:
        """Split the change, so that a refused part keeps no other back."""
        nothing = OrderChange(self.order_id)
        parts = (
            replace(self.change, parcel_labels=(), add_tags=()),
            replace(nothing, parcel_labels=self.change.parcel_labels),
            replace(nothing, add_tags=self.change.add_tags),
        )
        return (part for part in parts if not part.is_empty)

    def _evaluate_shown(self, order: Order, rules: Rules) -> None:
        diff = compare(self.entry, order, rules)
        if not self._waits_for(diff.change):
            if self.accepted and not diff.change.is_empty:
                diff = compare(self.entry, order, rules, full=True)
            self._apply(diff, rules)
            self._restore_lost_tags(order)
        if self.reads_only and self.is_open:
            self.end_unshown()

    def _waits_for(self, missing: OrderChange) -> bool:
        """Whether something that was accepted is missing, and is to be waited for before it is written again."""
        if not self.accepted:
            return False
        unshown = _filled(missing) & {name for change in self.accepted for name in _filled(change)}
        if not unshown or (self.waited and unshown == {"add_tags"}):
            return False  # a tag alone was refused in silence
        if self.may_repeat and "add_tags" in unshown:
            self.tag_tried = False  # the update was ignored as a whole, the tag with it
        self.is_late = not self.may_repeat
        self.may_repeat = False
        return self.is_late

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


def _filled(change: OrderChange) -> set[str]:
    """The names of the fields that a change writes."""
    return {name for name in change.__struct_fields__[1:] if getattr(change, name)}


def is_answer(error: AftersendError) -> bool:
    """Return True if Afterbuy answered about the content of the call; else the outcome is unknown, or nothing happened.

    Unknown warnings are transient by type, but may be all that Afterbuy answers to a refused tag.
    """
    return isinstance(error, Rejected | Bug) or (error.upstream == AFTERBUY and error.code.startswith(_UNCLEAR))
