"""The tags of one order with regard to its problem: what to remove, what to add, once each.

It goes the way of an order update, after that of the order itself, so a tag keeps no number back:

    read ─> remove the tag of the former problem ─> read ─> add that of the new one ─> read ─> put back what got lost

What the order shows already needs no write, so a crash at any step costs one more read. A step is over when Afterbuy
accepted or refused it, whatever the order shows then; it is not tried again for this problem. Other tags that Afterbuy
dropped along the way are put back.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from aftersend.afterbuy.model import Order, OrderChange, UnreadableOrder
from aftersend.ledger.entry import Entry, ProblemTag
from aftersend.ledger.problem_tag import is_tag_due, wanted_tag
from aftersend.observe.logs import get_logger
from aftersend.tenant.document import WriteBack
from aftersend_writer.order_update import Granularity, OrderUpdate
from aftersend_writer.rules.diff import Rules, has_tag, shown_tags


@dataclass(slots=True, kw_only=True)
class TagUpdate(OrderUpdate):
    """The state of the tags of one order within its batch; ``settled`` or ``error`` ends it."""

    main: OrderUpdate
    wanted: ProblemTag | None
    settled: bool = False
    tried: set[str] = field(default_factory=set)
    """Steps that Afterbuy accepted or refused."""
    step: str = ""

    def hand_over(self) -> None:
        """Give the main update what the ledger has to hold, or the error that leaves it to the next event."""
        if self.error is None:
            self.main.tagged = [self.wanted]
        self.main.error = self.main.error or self.error

    @property
    def is_open(self) -> bool:
        """There may be something to write."""
        return not self.settled and self.error is None

    def evaluate(self, order: Order | UnreadableOrder | None, rules: Rules) -> None:  # noqa: ARG002 - as of any update
        """Choose the next step by what the order shows; one that is gone or unreadable is settled as it is."""
        if self.granularity is Granularity.PARTS:
            get_logger().warning("problem_tag_refused", order=self.order_id, step=self.step)
            self.tried.add(self.step)
            self.granularity = Granularity.SINGLE
        steps = self._steps(order) if isinstance(order, Order) else ()
        self.step, self.change = next(
            ((step, change) for step, change in steps if step not in self.tried and not change.is_empty),
            ("", OrderChange(self.order_id)),
        )
        self.settled = self.change.is_empty

    def mark_accepted(self, change: OrderChange) -> None:
        """Note that this step is over."""
        self.accepted.append(change)
        self.tried.add(self.step)

    def _steps(self, order: Order) -> Iterator[tuple[str, OrderChange]]:
        former = self.entry.problem_tag.tag if self.entry.problem_tag else ""
        wanted = self.wanted.tag if self.wanted else ""
        gone = shown_tags(order, former) - shown_tags(order, wanted)
        self.tags_before = self.tags_before or order.tags - gone
        lost = frozenset(tag for tag in self.tags_before if not has_tag(order, tag))
        yield "remove", OrderChange(self.order_id, remove_tags=tuple(sorted(gone)))
        yield "add", OrderChange(self.order_id, add_tags=(wanted,) if wanted and not has_tag(order, wanted) else ())
        yield "restore", OrderChange(self.order_id, add_tags=tuple(sorted((order.tags - gone) | lost)) if lost else ())


def tag_updates(found: Iterable[tuple[OrderUpdate, Entry]], settings: WriteBack) -> Iterator[TagUpdate]:
    """Yield the updates of tags that follow orders, each with what the ledger will hold of it."""
    for main, entry in found:
        if is_tag_due(entry, settings):
            yield TagUpdate(main.lease, entry, main=main, wanted=wanted_tag(entry, settings))
