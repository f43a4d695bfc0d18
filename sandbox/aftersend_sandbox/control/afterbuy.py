"""Control actions of a person in Afterbuy's user interface; each leaves an entry of api ``control`` in the journal."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

from aftersend_sandbox.control.sandbox import ControlCall, UnknownObject
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder, AfterbuyParcelLabel
from aftersend_sandbox.world.journal import JournalEntry


def orders(call: ControlCall) -> dict[str, Any]:
    """List a span of orders, and count all."""
    book = call.world.afterbuy.orders
    return {"total": len(book), "orders": list(book)[call.span()]}


def read(call: ControlCall) -> AfterbuyOrder:
    """Return one order."""
    return _find(call)


def fill_number(call: ControlCall) -> AfterbuyOrder:
    """Type a parcel number; an empty one clears the field. Where it lands is the switch ``parcel_field``."""
    order, number = _find(call), str(call.body["number"]) if "number" in call.body else ""
    where = call.world.switches.parcel_field
    if where != "parcel_labels" or not number:
        order.additional_info = number
    if where != "additional_info":
        item = order.items[0].item_id if order.items else 0
        order.shipping.parcel_labels = [AfterbuyParcelLabel(item, 1, number)] if number else []
    return _done(call, order, "number edited", {"number": number})


def edit_address(call: ControlCall) -> AfterbuyOrder:
    """Change fields of the delivery address (of the billing address if there is no other)."""
    order = _find(call)
    address = order.shipping_address or order.billing
    known = {each.name for each in fields(AfterbuyAddress)}
    if unknown := set(call.body) - known:
        raise ValueError(f"an address has no {', '.join(sorted(unknown))}")
    for name, value in call.body.items():
        setattr(address, name, value)
    return _done(call, order, "address edited", {"fields": sorted(call.body)})


def edit_tags(call: ControlCall) -> AfterbuyOrder:
    """Add or remove one tag."""
    order, added, removed = _find(call), call.body.get("add"), call.body.get("remove")
    if bool(added) == bool(removed):
        raise ValueError("either add or remove")
    if added:
        if added not in call.world.afterbuy.tag_manager:
            call.world.afterbuy.tag_manager.append(str(added))
        if added not in order.tags:
            order.tags.append(str(added))
        return _done(call, order, "tag added", {"added_tag": added})
    order.tags[:] = [each for each in order.tags if each != removed]
    return _done(call, order, "tag removed", {"tag": removed})


def cancel(call: ControlCall) -> AfterbuyOrder:
    """Cancel the order: its quantities turn negative."""
    order = _find(call)
    order.cancelled = True
    return _done(call, order, "order cancelled", {})


def hide(call: ControlCall) -> AfterbuyOrder:
    """Hide the order."""
    order = _find(call)
    order.hidden = True
    return _done(call, order, "order hidden", {})


def appear(call: ControlCall) -> AfterbuyOrder:
    """Let the interface show the order at a later moment, given in seconds from now, whatever its own date is."""
    order, seconds = _find(call), float(call.body.get("seconds", ""))
    order.visible_from = call.world.clock.now() + timedelta(seconds=seconds)
    detail = {"visible_from": order.visible_from}
    call.world.journal.note(
        JournalEntry(call.world.clock.now(), "control", "appearance set", str(order.order_id), detail=detail)
    )
    return order


def delete(call: ControlCall) -> AfterbuyOrder:
    """Delete the order for good."""
    order = _find(call)
    call.world.afterbuy.orders.remove(order.order_id)
    return _done(call, order, "order deleted", {})


def _find(call: ControlCall) -> AfterbuyOrder:
    order_id = call.path["id"]
    order = call.world.afterbuy.orders.get(int(order_id)) if order_id.isdecimal() else None
    if order is None:
        raise UnknownObject(f"there is no order {order_id}")
    return order


def _done(call: ControlCall, order: AfterbuyOrder, what: str, detail: dict[str, Any]) -> AfterbuyOrder:
    now = call.world.clock.now()
    order.modified_at = now
    call.world.journal.note(JournalEntry(now, "control", what, str(order.order_id), detail=detail))
    return order
