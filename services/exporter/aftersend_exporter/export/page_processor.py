"""One page of orders: decide each, map what is sent, record the outcome and carry it out. Nothing of a page is kept.

    order ──eligibility──> decision ──map──> push and fingerprint ──next_action──> outcome ──> recorder, actions
                                                  ledger entry ──┘

Customs data of products is looked up once per page, and only for orders that leave the customs union. If that look-up
fails, these orders wait for the next run: half the papers would be worse than papers an hour later.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from aftersend.afterbuy.model import Order, Page, ProductCustoms, UnreadableOrder
from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.order_ids import is_order_id
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.actions import OrderActions
from aftersend_exporter.export.push import MappedOrder
from aftersend_exporter.export.recorder import RunRecorder
from aftersend_exporter.rules import outcomes
from aftersend_exporter.rules.eligibility import TRANSFER, Decision, eligibility, unclear_path
from aftersend_exporter.rules.fallback import fallback_order
from aftersend_exporter.rules.items import ACCOUNT_CURRENCY, products_of
from aftersend_exporter.rules.next_action import Action, next_action
from aftersend_exporter.rules.order_mapping import earlier_order, fingerprint, push_order
from aftersend_exporter.rules.outcomes import Outcome
from aftersend_exporter.rules.papers import missing_numbers, needs_papers
from aftersend_exporter.rules.window import first_moment

_NO_PRODUCTS: Mapping[str, ProductCustoms] = {}


@dataclass(slots=True)
class PageProcessor:
    """Processes the pages of one run."""

    context: ExportContext
    recorder: RunRecorder
    actions: OrderActions
    integration: int
    resend_refused: bool = False
    """Set in a run for named orders: push refused ones again."""
    labelled: frozenset[int] = frozenset()
    """OrderIDs that have a label although the ledger may not know them."""
    seen: set[int] = field(default_factory=set)
    """OrderIDs of this run: all that is kept of an order."""

    async def process(self, page: Page) -> None:
        """Settle every order of a page that this run has not had already."""
        orders = [order for order in page.orders if self._is_new(order.order_id)]
        broken = [order for order in page.unreadable if self._is_new(order.order_id)]
        self.recorder.stats.read += len(orders) + len(broken)
        ids = [order.order_id for order in orders if is_order_id(order.order_id)]
        entries = await self.context.ledger.get_many(ids) if ids else {}
        for unreadable in broken:
            await self.settle(_unreadable(unreadable))
        decided = [(order, self.decide(order, entries.get(order.order_id))) for order in orders]
        products = await self._products(order for order, decision in decided if decision == TRANSFER)
        for order, decision in decided:
            if path := self.unclear_path(order, decision):
                await self.settle(outcomes.unreadable(order.order_id, path=path))
                continue
            entry = entries.get(order.order_id)
            mapped = self._mapped(order, products) if decision == TRANSFER else None
            await self.settle(self._outcome(order, decision, entry, mapped), entry=entry, mapped=mapped)

    async def settle(self, outcome: Outcome, *, entry: Entry | None = None, mapped: MappedOrder | None = None) -> None:
        """Record an outcome and, unless this is a dry run, carry it out."""
        self.recorder.record(outcome)
        if not self.recorder.dry_run:
            await self.actions.carry_out(outcome, entry=entry, mapped=mapped)

    def _is_new(self, order_id: str) -> bool:
        """Return False for an order that this run has had already; a page that moved may bring it twice."""
        number = int(order_id) if is_order_id(order_id) else 0
        if number in self.seen:
            return False
        if number:
            self.seen.add(number)
        return True

    def decide(self, order: Order, entry: Entry | None = None) -> Decision:
        """Decide by the merchant's rules whether an order goes; ``entry`` is what the ledger knows of it."""
        if not is_order_id(order.order_id):
            return Decision("skip", "not_an_order")
        rules, now = self.context.tenant.spec.export, self.context.now()
        return eligibility(order, rules=rules, beginning=self._beginning, now=now, entry=entry)

    def unclear_path(self, order: Order, decision: Decision) -> str:
        """Return the path of a field that the decision needs and that is not understood, or an empty text."""
        return unclear_path(order, decision, beginning=self._beginning)

    @property
    def _beginning(self) -> datetime | None:
        return first_moment(self.context.tenant.spec.export.window, zone=self.context.zone)

    async def _products(self, orders: Iterable[Order]) -> Mapping[str, ProductCustoms] | None:
        """Read customs data for the orders that need it; None if Afterbuy does not answer now."""
        wanted = products_of([order for order in orders if needs_papers(order)])
        if not wanted:
            return _NO_PRODUCTS
        try:
            return await self.context.afterbuy.products(wanted)
        except AftersendError as error:
            self.recorder.stats.record_error(error)
            return None

    def _outcome(self, order: Order, decision: Decision, entry: Entry | None, mapped: MappedOrder | None) -> Outcome:
        if decision == TRANSFER and mapped is None:
            return outcomes.later(order.order_id)
        if decision == TRANSFER and entry is None and int(order.order_id) in self.labelled:
            return outcomes.unchanged(order.order_id)
        mark = mapped.comparable(entry) if mapped else ""
        now = self.context.now_ms()
        action = next_action(entry, decision, fingerprint=mark, now=now, resend_refused=self.resend_refused)
        return outcomes.outcome_of(order.order_id, decision, action)

    def _mapped(self, order: Order, products: Mapping[str, ProductCustoms] | None) -> MappedOrder | None:
        """Map an order to what Sendcloud gets; None if its customs data is missing."""
        if products is None and needs_papers(order):
            return None
        rules, now, mac = self.context.tenant.spec.export, self.context.now(), self.context.mac
        products = products or _NO_PRODUCTS
        to_sendcloud = partial(push_order, order, integration=self.integration, rules=rules, products=products, now=now)
        earlier = partial(earlier_order, *to_sendcloud.args, **to_sendcloud.keywords)
        push = to_sendcloud()
        in_account_currency = partial(to_sendcloud, currency=ACCOUNT_CURRENCY)
        return MappedOrder(
            order.order_id,
            push,
            fingerprint(push, mac=mac),
            fallback=partial(fallback_order, in_account_currency=in_account_currency),
            earlier_fingerprint=lambda: fingerprint(earlier(), mac=mac),
            missing_numbers=tuple(missing_numbers(push, order)),
        )


def _unreadable(order: UnreadableOrder) -> Outcome:
    """Return the outcome of an unreadable order; without an OrderID it is no order yet, whatever else it lacks."""
    if is_order_id(order.order_id) or order.path == "OrderID":
        return outcomes.unreadable(order.order_id, path=order.path)
    return outcomes.outcome_of(order.order_id, Decision("skip", "not_an_order"), Action.SKIP)
