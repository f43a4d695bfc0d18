"""Eligibility of one order: transfer it, skip it for good, or watch it.

The reasons are a fixed list. Three of them can be cured by the merchant, so the order is watched: it is read again by
its OrderID in every run until it is cured or given up, and its ledger entry keeps the reason (``held``).

=======================  =======  ======================================================================
reason                   watched  when
=======================  =======  ======================================================================
not_an_order             no       no OrderID, or no position that is an article (a credit note)
before_start             no       dated before ``notBefore``
excluded                 no       none of its items is of a wanted platform
marketplace_fulfilled    no       the marketplace itself ships every item
has_parcel_number        yes      a parcel number is filled in: shipped, or held back on purpose
unpaid                   yes      only paid orders go; it is not paid, nor paid on delivery
no_address               yes      neither shipping nor billing address says where to deliver
=======================  =======  ======================================================================

An order that has a parcel number and a dispatch date was shipped by other means: it is not held back, so it is not
watched.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aftersend.afterbuy.model import Order
from aftersend.tenant.document import Only
from aftersend_exporter.rules.addresses import destination, unclear_country
from aftersend_exporter.rules.items import is_discount, is_marketplace_fulfilled, shipped_items
from aftersend_exporter.rules.payment import is_cash_on_delivery, is_paid, unclear_payment

SkipReason = Literal[
    "has_parcel_number",
    "marketplace_fulfilled",
    "not_an_order",
    "no_address",
    "excluded",
    "unpaid",
    "before_start",
]
CURABLE: frozenset[SkipReason] = frozenset({"has_parcel_number", "no_address", "unpaid"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to an order; ``transfer`` has no reason, ``skip`` and ``watch`` have one."""

    kind: Literal["transfer", "skip", "watch"]
    reason: SkipReason | Literal[""] = ""


TRANSFER = Decision("transfer")


def eligibility(order: Order, *, only: Only, beginning: datetime | None) -> Decision:
    """Decide from the order and the merchant's rules alone; ``beginning`` is the first moment of ``notBefore``."""
    reason = _never(order, only=only, beginning=beginning)
    if reason:
        return Decision("skip", reason)
    reason = _not_now(order, only=only)
    if not reason:
        return TRANSFER
    return Decision("skip" if _was_shipped(order) else "watch", reason)


def unclear_path(order: Order, decision: Decision, *, beginning: datetime | None) -> str:
    """Return the path of a field that the decision needs and that is not understood, or an empty text."""
    if decision.reason == "unpaid":
        return unclear_payment(order)
    if decision != TRANSFER:
        return ""
    needs_date = beginning is not None and "OrderDate" in order.unclear
    return "OrderDate" if needs_date else unclear_country(order)


def _never(order: Order, *, only: Only, beginning: datetime | None) -> SkipReason | Literal[""]:
    positive = [item for item in order.items if item.quantity > 0 and not is_discount(item)]
    if not order.order_id.strip("0") or not positive:
        return "not_an_order"
    if beginning is not None and order.ordered_at is not None and order.ordered_at < beginning:
        return "before_start"
    wanted = {platform.strip().casefold() for platform in only.platforms}
    if wanted and not any(item.platform.casefold() in wanted for item in positive):
        return "excluded"
    if all(is_marketplace_fulfilled(item) for item in positive):
        return "marketplace_fulfilled"
    if wanted and not any(item.platform.casefold() in wanted for item in shipped_items(order)):
        return "excluded"
    return ""


def _not_now(order: Order, *, only: Only) -> SkipReason | Literal[""]:
    if order.has_parcel_number:
        return "has_parcel_number"
    if only.paid and not is_paid(order) and not is_cash_on_delivery(order):
        return "unpaid"
    if destination(order) is None:
        return "no_address"
    return ""


def _was_shipped(order: Order) -> bool:
    return order.has_parcel_number and order.is_dispatched
