"""Eligibility of one order: transfer it, skip it for good, or watch it.

The reasons are a fixed list. Some of them can be cured, by the merchant or by time, so the order is watched: it is read
again by its OrderID in every run until it is cured, and its ledger entry keeps the reason (``held``). After
``catchUpDays`` it is given up, a problem; an order that the merchant does not want in Sendcloud is forgotten instead.

=======================  =======  ======================================================================
reason                   watched  when
=======================  =======  ======================================================================
not_an_order             no       no OrderID, or no position that is an article (a credit note)
before_start             no       dated before ``notBefore``
excluded                 no       none of its items is of a wanted platform
marketplace_fulfilled    no       the marketplace itself ships every item
tag                      yes      it has no wanted tag, or an unwanted one; forgotten in the end
shipping_method          yes      its shipping method is not wanted; forgotten in the end
has_parcel_number        yes      a parcel number is filled in: shipped, or held back on purpose
unpaid                   yes      only paid orders go; it is not paid, nor paid on delivery
no_address               yes      neither shipping nor billing address says where to deliver
no_weight                yes      no item has a weight, and such orders are held
too_young                yes      it is younger than ``minAgeMinutes``
=======================  =======  ======================================================================

The first reason that applies is the one that is kept. An order that has a parcel number and a dispatch date was shipped
by other means: it is not held back, so it is not watched.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from aftersend.afterbuy.model import Order
from aftersend.ledger.entry import Entry
from aftersend.tenant.document import Export, Only
from aftersend_exporter.rules.addresses import destination, unclear_country
from aftersend_exporter.rules.age import is_too_young
from aftersend_exporter.rules.items import is_discount, is_marketplace_fulfilled, shipped_items
from aftersend_exporter.rules.payment import is_cash_on_delivery, is_paid, unclear_payment
from aftersend_exporter.rules.wanted_names import has_wanted_method, has_wanted_tags
from aftersend_exporter.rules.weights import total_weight

SkipReason = Literal[
    "has_parcel_number",
    "marketplace_fulfilled",
    "not_an_order",
    "no_address",
    "excluded",
    "unpaid",
    "before_start",
    "tag",
    "shipping_method",
    "too_young",
    "no_weight",
]
CURABLE: frozenset[SkipReason] = frozenset(
    {"has_parcel_number", "no_address", "unpaid", "tag", "shipping_method", "too_young", "no_weight"}
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What happens to an order; ``transfer`` has no reason, ``skip`` and ``watch`` have one."""

    kind: Literal["transfer", "skip", "watch"]
    reason: SkipReason | Literal[""] = ""


TRANSFER = Decision("transfer")


def eligibility(
    order: Order, *, rules: Export, beginning: datetime | None, now: datetime, entry: Entry | None = None
) -> Decision:
    """Decide from the order and the merchant's rules; ``beginning`` is the first moment of ``notBefore``.

    ``entry``, what the ledger knows of the order, and ``now`` matter for its age only.
    """
    reason = _never(order, only=rules.only, beginning=beginning)
    if reason:
        return Decision("skip", reason)
    if _was_shipped(order):
        return Decision("skip", "has_parcel_number")
    reason = _unwanted(order, only=rules.only) or _incomplete(order, rules=rules)
    if not reason and is_too_young(order, only=rules.only, entry=entry, now=now):
        reason = "too_young"
    return Decision("watch", reason) if reason else TRANSFER


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


def _unwanted(order: Order, *, only: Only) -> SkipReason | Literal[""]:
    if not has_wanted_tags(order, only=only):
        return "tag"
    return "" if has_wanted_method(order, only=only) else "shipping_method"


def _incomplete(order: Order, *, rules: Export) -> SkipReason | Literal[""]:
    if order.has_parcel_number:
        return "has_parcel_number"
    if rules.only.paid and not is_paid(order) and not is_cash_on_delivery(order):
        return "unpaid"
    if destination(order) is None:
        return "no_address"
    if rules.weight.missing == "hold" and total_weight(shipped_items(order), rules=rules.weight) is None:
        return "no_weight"
    return ""


def _was_shipped(order: Order) -> bool:
    return order.has_parcel_number and order.is_dispatched
