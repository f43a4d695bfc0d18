"""One page of orders: decide, map, compare with the ledger, and do what follows. Nothing of it is kept.

Customs data of products is looked up once per page, and only for orders that leave the customs union. If that look-up
fails, these orders are watched and tried again: half the papers would be worse than papers an hour later.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from aftersend.afterbuy.model import Order, Page, ProductCustoms, UnreadableOrder
from aftersend.errors import AftersendError
from aftersend.ledger.entry import Entry
from aftersend.order_ids import incoming_order_id, is_order_id
from aftersend_exporter.context import ExportContext
from aftersend_exporter.export.existing_labels import has_label
from aftersend_exporter.export.push import MappedOrder, Pusher
from aftersend_exporter.rules import transitions
from aftersend_exporter.rules.customs import is_for_customs
from aftersend_exporter.rules.eligibility import TRANSFER, Decision, eligibility
from aftersend_exporter.rules.fallback import fallback_order
from aftersend_exporter.rules.items import account_currency, products_of
from aftersend_exporter.rules.next_action import Action, next_action
from aftersend_exporter.rules.order_mapping import fingerprint, push_order
from aftersend_exporter.rules.window import first_moment
from aftersend_exporter.run_stats import RunStats

_NO_PRODUCTS: Mapping[str, ProductCustoms] = {}


@dataclass(slots=True)
class PageProcessor:
    """Works off the pages of one run. With ``dry`` nothing is written and nothing is sent."""

    context: ExportContext
    stats: RunStats
    pusher: Pusher
    integration: int
    dry_run: bool = False
    resend_refused: bool = False
    """A person named the orders: send refused ones again."""
    labelled: frozenset[int] = frozenset()
    """OrderIDs that have a label although the ledger may not know them."""
    seen: set[int] = field(default_factory=set)
    """OrderIDs of this run: all that is kept of an order."""

    async def process(self, page: Page) -> None:
        """Do one page."""
        orders = [order for order in page.orders if self._is_new(order.order_id)]
        broken = [order for order in page.unreadable if self._is_new(order.order_id)]
        self.stats.read += len(orders) + len(broken)
        ids = [name for name in (*(o.order_id for o in orders), *(o.order_id for o in broken)) if is_order_id(name)]
        entries = await self.context.ledger.get_many(ids) if ids else {}
        for unreadable in broken:
            await self._unreadable(unreadable)
        decided = [(order, self._decide(order)) for order in orders]
        products = await self._products(order for order, decision in decided if decision == TRANSFER)
        for order, decision in decided:
            await self._order(order, decision, entries.get(order.order_id), products)

    def _is_new(self, order_id: str) -> bool:
        """False for an order that this run has had already; a page that moved may bring it twice."""
        number = int(order_id) if is_order_id(order_id) else 0
        if number in self.seen:
            return False
        if number:
            self.seen.add(number)
        return True

    def _decide(self, order: Order) -> Decision:
        rules = self.context.tenant.spec.export
        if not is_order_id(order.order_id):
            return Decision("skip", "not_an_order")
        return eligibility(order, only=rules.only, beginning=first_moment(rules.window, zone=self.context.zone))

    async def _products(self, orders: Iterable[Order]) -> Mapping[str, ProductCustoms] | None:
        """Customs data for the orders that need it; None if it cannot be had now."""
        wanted = products_of([order for order in orders if is_for_customs(order)])
        if not wanted:
            return _NO_PRODUCTS
        try:
            return await self.context.afterbuy.products(wanted)
        except AftersendError as error:
            self.stats.record_error(error)
            return None

    async def _order(
        self, order: Order, decision: Decision, entry: Entry | None, products: Mapping[str, ProductCustoms] | None
    ) -> None:
        if decision == TRANSFER and products is None and is_for_customs(order):
            await self._later(order.order_id)
            return
        if entry is None and decision == TRANSFER and int(order.order_id) in self.labelled:
            self.stats.unchanged += 1
            self.stats.record_decision(order.order_id, "unchanged")
            return
        ready = self._mapped(order, products or _NO_PRODUCTS) if decision == TRANSFER else None
        action = next_action(
            entry, decision, fingerprint=ready.fingerprint if ready else "", resend_refused=self.resend_refused
        )
        if self.dry_run:
            self._tell(order.order_id, decision, action)
        elif ready is not None:
            await self._transfer(ready, action, entry)
        else:
            await self._leave(order.order_id, decision, action, entry)

    def _mapped(self, order: Order, products: Mapping[str, ProductCustoms]) -> MappedOrder:
        rules = self.context.tenant.spec.export
        to_sendcloud = partial(
            push_order, order, integration=self.integration, rules=rules, products=products, now=self.context.now()
        )
        push = to_sendcloud()
        in_account_currency = partial(to_sendcloud, currency=account_currency(order))
        fallback = partial(fallback_order, push, in_account_currency=in_account_currency)
        return MappedOrder(order.order_id, push, fingerprint(push, mac=self.context.mac), fallback)

    async def _transfer(self, ready: MappedOrder, action: Action, entry: Entry | None) -> None:
        if action in (Action.PUSH, Action.PUSH_IF_THERE):
            if await self._may_go(ready.order, action, entry):
                await self.pusher.add(ready)
        elif action is Action.REFUSED:
            self._count("rejected")
            self.stats.rejected += 1
            await self._watch(ready.order, reason="")
        else:
            self._count("unchanged")
            self.stats.unchanged += 1
            await self._settle(entry, transitions.unchanged)

    async def _may_go(self, order_id: str, action: Action, entry: Entry | None) -> bool:
        """False if Sendcloud shows a label that is not known yet, or somebody deleted the order there."""
        if entry is None or not entry.pushed:
            return True
        try:
            allowed = not await has_label(self.context, order_id)
            if allowed and action is Action.PUSH_IF_THERE:
                allowed = await self._is_there(order_id)
        except AftersendError as error:
            self.stats.record_error(error)
            await self._later(order_id)
            return False
        self.stats.unchanged += 0 if allowed else 1
        return allowed

    async def _is_there(self, order_id: str) -> bool:
        """True if Sendcloud still has it; if not, a person deleted it, and that becomes known."""
        if await self.context.sendcloud.has_order(incoming_order_id(order_id), self.integration):
            return True
        await self.context.ledger.change(order_id, partial(transitions.deleted, now=self.context.now_ms()))
        return False

    async def _leave(self, order_id: str, decision: Decision, action: Action, entry: Entry | None) -> None:
        """It does not go: tell why, and make sure that it is read again if that may change."""
        self.stats.skipped[decision.reason] += 1
        self._count("skipped", decision.reason)
        if action is Action.UNCERTAIN:
            action = await self._resolved(order_id, decision)
        if action is Action.WITHDRAWN:
            await withdraw(self.context, order_id, reason=decision.reason)
        elif action in (Action.WATCH, Action.UNCERTAIN):
            await self._watch(order_id, reason=decision.reason)
        else:
            await self._settle(entry, transitions.dismissed)

    async def _resolved(self, order_id: str, decision: Decision) -> Action:
        """A push of unknown outcome: look in Sendcloud whether it arrived."""
        try:
            there = await self.context.sendcloud.has_order(incoming_order_id(order_id), self.integration)
        except AftersendError as error:
            self.stats.record_error(error)
            return Action.UNCERTAIN
        change = partial(transitions.surely_sent, now=self.context.now_ms()) if there else transitions.never_sent
        entry = await self.context.ledger.change(order_id, change)
        return next_action(entry, decision, fingerprint="")

    async def _unreadable(self, order: UnreadableOrder) -> None:
        self.stats.rejected += 1
        self._count("rejected", "unreadable")
        self.stats.record_decision(order.order_id, "rejected", order.path)
        if self.dry_run or not is_order_id(order.order_id):
            return
        self.stats.watched += 1
        self.context.log.warning("order_unreadable", order=order.order_id, path=order.path)
        now, recheck_period_ms = self.context.now_ms(), self.context.recheck_period_ms
        change = partial(transitions.unreadable, path=order.path, now=now, recheck_period_ms=recheck_period_ms)
        await self.context.ledger.change(order.order_id, change)

    async def _later(self, order_id: str) -> None:
        """It cannot be finished now, for reasons that pass."""
        self.stats.retried += 1
        self._count("retried")
        self.stats.record_decision(order_id, "watch", transitions.LATER)
        if not self.dry_run:
            await self._watch(order_id, reason=transitions.LATER)

    async def _watch(self, order_id: str, *, reason: str) -> None:
        now, recheck_period_ms = self.context.now_ms(), self.context.recheck_period_ms
        change = partial(transitions.watched, reason=reason, now=now, recheck_period_ms=recheck_period_ms)
        entry = await self.context.ledger.change(order_id, change)
        self.stats.watched += 1 if entry.watched else 0

    async def _settle(self, entry: Entry | None, change: Callable[[Entry], Entry]) -> None:
        """Change the entry, if there is one and there is anything to change: mostly there is not."""
        if entry is not None and change(entry) != entry:
            await self.context.ledger.change(entry.order, change)

    def _tell(self, order_id: str, decision: Decision, action: Action) -> None:
        """A line of a dry run."""
        if decision != TRANSFER:
            self.stats.skipped[decision.reason] += 1
            self.stats.watched += 1 if action is Action.WATCH else 0
            self.stats.record_decision(order_id, decision.kind, decision.reason)
        elif action in (Action.PUSH, Action.PUSH_IF_THERE):
            self.stats.record_decision(order_id, "transfer")
        elif action is Action.REFUSED:
            self.stats.rejected += 1
            self.stats.record_decision(order_id, "rejected")
        else:
            self.stats.unchanged += 1
            self.stats.record_decision(order_id, "unchanged")

    def _count(self, outcome: str, reason: str = "") -> None:
        if not self.dry_run:
            self.context.count(outcome, reason)


async def withdraw(context: ExportContext, order_id: str, *, reason: str) -> Entry:
    """Sendcloud has the order, but it shall not go any more."""
    now, recheck_period_ms = context.now_ms(), context.recheck_period_ms
    change = partial(transitions.changed_after_transfer, reason=reason, now=now, recheck_period_ms=recheck_period_ms)
    return await context.ledger.change(order_id, change)
