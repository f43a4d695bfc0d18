"""UpdateSoldItems of the simulated Afterbuy: which orders are meant, in which mode, and what the answer says.

Elements that are left out leave their field alone, an empty element clears it (both switchable). An order that is
unknown, hidden, not shown yet or not an order yet is an error 33 or a warning 12; whether the other orders of the call
are processed then is a switch, too. Every change goes into the journal as (old, new).
The fault ``not_shown`` lets the call succeed without any effect.
"""

from dataclasses import dataclass
from typing import Final

from lxml import etree

from aftersend_sandbox.afterbuy.fields import apply_fields, field_error, updatable
from aftersend_sandbox.afterbuy.labels import apply_labels, label_error
from aftersend_sandbox.afterbuy.tags import apply_tags, tag_error
from aftersend_sandbox.afterbuy.xml import AfterbuyAnswer, AfterbuyError, Warned, content
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.world import World

MOST_ORDERS: Final = 150


@dataclass(slots=True)
class Wanted:
    """One ``Order`` of the request and the order it means, None if there is none."""

    node: "etree._Element"
    order: AfterbuyOrder | None


def update_sold_items(root: "etree._Element", answer: AfterbuyAnswer, world: World) -> None:
    """Change up to 150 orders."""
    nodes = root.findall("Orders/Order")
    if not nodes:
        raise AfterbuyError(32)
    if len(nodes) > MOST_ORDERS:
        raise AfterbuyError(75)
    if not any(updatable(node) for node in nodes):
        raise AfterbuyError(74)
    wanted = [Wanted(node, _identify(node, world)) for node in nodes]
    good = [each for each in wanted if _acceptable(each, answer, world)]
    processed = good if len(good) == len(wanted) or world.switches.batch == "partial" else []
    if processed and not world.faults.strikes("afterbuy", "not_shown", "UpdateSoldItems"):
        for each in processed:
            _change(each, world)
    answer.errors[:] = dict.fromkeys(answer.errors)


def _identify(node: "etree._Element", world: World) -> AfterbuyOrder | None:
    """Find the order by OrderID, else by ItemID."""
    order_id, item_id = content(node, "OrderID"), content(node, "ItemID")
    if not order_id and not item_id:
        return None
    book = world.afterbuy.orders
    if order_id:
        order = book.get(int(order_id)) if order_id.isdecimal() else None
    else:
        order = next((each for each in book if any(str(item.item_id) == item_id for item in each.items)), None)
    return order if order and order.is_order and not order.hidden and order.is_shown(world.clock.now()) else None


def _acceptable(each: Wanted, answer: AfterbuyAnswer, world: World) -> bool:
    if each.order is None:
        _report_unknown(each.node, answer, world)
        return False
    code = field_error(each.node) or label_error(each.node, each.order, world) or tag_error(each.node, world)
    if content(each.node, "Attributes/Attribute/Name") == "":
        code = code or 98
    if code:
        answer.errors.append(code)
    return code is None


def _report_unknown(node: "etree._Element", answer: AfterbuyAnswer, world: World) -> None:
    order_id, item_id = content(node, "OrderID") or "", content(node, "ItemID") or ""
    named = bool(order_id or item_id)
    if world.switches.unknown_order == "error":
        answer.errors.append(33 if named else 59)
        return
    shapes = {"order_id": ("OrderID", order_id), "item_id": ("ItemID", item_id), "bare": ("", "")}
    name, value = shapes[world.switches.warning_shape]
    answer.warnings.append(Warned(12 if named else 13, name, value))


def _change(each: Wanted, world: World) -> None:
    order = each.order
    if order is None:
        return
    changes: dict[str, tuple[str, str]] = {}
    apply_fields(each.node, order, changes, world)
    apply_labels(each.node, order, changes, world)
    apply_tags(each.node, order, changes, world)
    if changes:
        order.modified_at = world.clock.now()
    world.journal.writes[order.order_id].append(changes)
    now = world.clock.now()
    world.journal.note(JournalEntry(now, "afterbuy", "order updated", str(order.order_id), detail=dict(changes)))
