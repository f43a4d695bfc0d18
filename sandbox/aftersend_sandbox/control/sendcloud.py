"""Control actions of people in Sendcloud's panel and of carriers."""

from typing import Any

from aftersend_sandbox.control.sandbox import ControlCall, UnknownObject
from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.sendcloud.labels import CARRIERS
from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.sendcloud_account import STATUS_MESSAGES, SendcloudOrder, SendcloudParcel


def incoming(call: ControlCall) -> dict[str, Any]:
    """List a span of incoming orders, and count them and those that are not saved yet."""
    saving.settle(call.world)
    known = list(call.world.sendcloud.by_id.values())
    return {"total": len(known), "pending": len(call.world.sendcloud.pending), "orders": known[call.span()]}


def parcels(call: ControlCall) -> dict[str, Any]:
    """List a span of parcels: all, or those of one order number."""
    book = call.world.sendcloud.parcels
    known = book.of_number(call.query["order_number"]) if "order_number" in call.query else list(book)
    return {"total": len(known), "parcels": known[call.span()]}


def print_labels(call: ControlCall) -> list[SendcloudParcel]:
    """Print the labels of one order."""
    return _print(call, _find(call))


def print_many(call: ControlCall) -> list[SendcloudParcel]:
    """Print labels of many orders: those named, or all that have none."""
    saving.settle(call.world)
    if call.body.get("all"):
        wanted = [each for each in call.world.sendcloud.orders.values() if not each.labelled]
    else:
        wanted = [_by_key(call, str(key)) for key in call.body.get("orders", ())]
    return [parcel for order in wanted for parcel in _print(call, order)]


def _print(call: ControlCall, order: SendcloudOrder) -> list[SendcloudParcel]:
    body, count = call.body, int(call.body.get("count", 1))
    if not 1 <= count <= 20:  # noqa: PLR2004 - Sendcloud's own bound for colli
        raise ValueError("count has to be between 1 and 20")
    _note(call, "labels printed", order.order_id)
    return call.panel.print_labels(
        order,
        count=count,
        carrier=_carrier(call, "dhl_de"),
        split=bool(body.get("split")),
        fails=bool(body.get("fails")),
    )


def relabel(call: ControlCall) -> SendcloudParcel:
    """Print a new label in the place of the old ones."""
    order = _find(call)
    _note(call, "relabelled", order.order_id)
    return call.panel.relabel(
        order, carrier=_carrier(call, "dpd"), cancel_late=bool(call.body.get("cancel_late", True))
    )


def _carrier(call: ControlCall, usual: str) -> str:
    """Validate a carrier code; any is accepted, because real data holds codes of no list."""
    carrier = call.body.get("carrier", usual)
    if not isinstance(carrier, str) or not carrier:
        raise ValueError(f"carrier is a code such as {', '.join(CARRIERS)}")
    return carrier


def cancel_labels(call: ControlCall) -> list[SendcloudParcel]:
    """Cancel all live labels of an order."""
    order = _find(call)
    for each in call.panel.parcels_of(order):
        if each.tracking_number and not each.cancelled:
            call.panel.cancel(each)
    _note(call, "labels cancelled", order.order_id)
    return call.panel.parcels_of(order)


def move_labels(call: ControlCall) -> list[SendcloudParcel]:
    """Move all live parcels of an order on."""
    order, status = _find(call), _status(call)
    live = [each for each in call.panel.parcels_of(order) if each.tracking_number and not each.cancelled]
    for each in live:
        call.panel.move(each, status)
    _note(call, f"moved to {status}", order.order_id)
    return live


def send_back(call: ControlCall) -> SendcloudParcel:
    """Announce a return."""
    order = _find(call)
    _note(call, "return announced", order.order_id)
    return call.panel.send_back(order, same_number=bool(call.body.get("same_number", True)))


def delete(call: ControlCall) -> SendcloudOrder:
    """Delete an incoming order."""
    order = _find(call)
    _note(call, "incoming order deleted", order.order_id)
    call.panel.delete_order(order)
    return order


def make_directly(call: ControlCall) -> SendcloudParcel:
    """Make a parcel of any integration without an incoming order."""
    integration = int(call.body.get("integration", min(call.world.sendcloud.integrations)))
    if integration not in call.world.sendcloud.integrations:
        raise UnknownObject(f"there is no integration {integration}")
    parcel = call.panel.make_directly(str(call.body.get("order_number", "")), integration=integration)
    _note(call, "parcel made directly", str(parcel.id))
    return parcel


def cancel(call: ControlCall) -> SendcloudParcel:
    """Cancel one parcel."""
    parcel = _parcel(call)
    call.panel.cancel(parcel)
    _note(call, "label cancelled", str(parcel.id))
    return parcel


def move(call: ControlCall) -> SendcloudParcel:
    """Move one parcel on."""
    parcel, status = _parcel(call), _status(call)
    call.panel.move(parcel, status)
    _note(call, f"moved to {status}", str(parcel.id))
    return parcel


def _status(call: ControlCall) -> int:
    status = int(call.body["status"]) if "status" in call.body else -1
    if status not in STATUS_MESSAGES:
        raise ValueError("status has to be one of Sendcloud's numbers")
    return status


def _parcel(call: ControlCall) -> SendcloudParcel:
    number = call.path["id"]
    parcel = call.world.sendcloud.parcels.get(int(number)) if number.isdecimal() else None
    if parcel is None:
        raise UnknownObject(f"there is no parcel {number}")
    return parcel


def _find(call: ControlCall) -> SendcloudOrder:
    saving.settle(call.world)
    return _by_key(call, call.path["key"])


def _by_key(call: ControlCall, key: str) -> SendcloudOrder:
    """Find an order by Sendcloud's id, else by order_id in any integration."""
    sendcloud = call.world.sendcloud
    if key.isdecimal() and int(key) in sendcloud.by_id:
        return sendcloud.by_id[int(key)]
    for integration in sendcloud.integrations:
        if found := sendcloud.orders.get((integration, key)):
            return found
    raise UnknownObject(f"there is no incoming order {key}")


def _note(call: ControlCall, what: str, key: str) -> None:
    call.world.journal.note(JournalEntry(call.world.clock.now(), "control", what, key))
