"""What the page shows of one order: plain texts for a row, ready to be put into the document as text.

Nothing is escaped here, on purpose: the browser's side never builds HTML out of texts.
"""

from decimal import Decimal
from typing import Any, Final

from aftersend_sandbox.page.order_view import STAGES, OrderView
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder
from aftersend_sandbox.world.sendcloud_account import SendcloudOrder, SendcloudParcel

_PICKED_UP: Final = {22, 3, 5, 6, 7, 62990, 91, 92, 62989, 4, 8, 62993, 62994, 62995, 12}
_DELIVERED: Final = {11, 93}

_PLATFORMS: Final = {"ebay": "eBay", "amazon": "Amazon", "real": "Kaufland", "otto": "OTTO", "": "by hand"}


def row(case: OrderView) -> dict[str, Any]:
    """Render one row of the page."""
    stage = case.stage
    return {
        "number": case.number,
        "stage": stage,
        "stage_text": STAGES[stage],
        "afterbuy": _afterbuy(case.order) if case.order else None,
        "incoming": _incoming(case),
        "parcels": [_parcel(each) for each in case.parcels],
    }


def _afterbuy(order: AfterbuyOrder) -> dict[str, Any]:
    address = order.shipping_address or order.billing
    if not address.city:
        address = order.billing
    return {
        "ordered": order.ordered_at.isoformat(),
        "name": f"{address.first_name} {address.last_name}".strip(),
        "company": address.company,
        "place": _place(address),
        "country": address.country_iso or address.country,
        "platform": _platform(order),
        "items": [f"{item.quantity} × {item.title}" for item in order.items],
        "weight": _weight(order),
        "tags": list(order.tags),
        "number": order.additional_info,
        "labels": [each.number for each in order.shipping.parcel_labels if each.number],
        "service": order.shipping.service,
        "shipped": order.shipping.dispatched_at is not None,
        "notes": list(_notes(order)),
        "scenario": order.scenario.replace("_", " "),
    }


def _place(address: AfterbuyAddress) -> str:
    return f"{address.postal_code} {address.city}".strip() or "no address"


def _platform(order: AfterbuyOrder) -> str:
    """Name all platforms of an order, and whether Amazon ships it."""
    names = [
        _PLATFORMS.get(item.platform, item.platform) + (" FBA" if item.item_type in {201, 301, 501} else "")
        for item in order.items
    ]
    return " + ".join(dict.fromkeys(names))


def _weight(order: AfterbuyOrder) -> str | None:
    """Format the total weight of the items in German, None if none has a weight."""
    total = sum((item.weight * item.quantity for item in order.items if item.weight and item.quantity > 0), Decimal(0))
    return f"{total:.3f}".rstrip("0").rstrip(".").replace(".", ",") + " kg" if total else None


def _notes(order: AfterbuyOrder) -> list[str]:
    facts = {
        "hidden": order.hidden,
        "not yet an order": not order.is_order,
        "cancelled": order.cancelled,
        "unpaid": order.payment.paid_at is None,
    }
    return [name for name, true in facts.items() if true]


def _incoming(case: OrderView) -> dict[str, Any] | None:
    if case.incoming:
        return {"id": case.incoming.id, "saved": True, **_wishes(case.incoming.body), **_kept(case.incoming)}
    if case.pending:
        return {"id": case.pending.id, "saved": False, "labelled": False, **_wishes(case.pending.body)}
    return None


def _kept(order: SendcloudOrder) -> dict[str, Any]:
    return {"labelled": order.labelled, "integration": order.integration}


def _wishes(body: dict[str, Any]) -> dict[str, Any]:
    """Read the shipping wishes as leniently as a page must: the body has passed the server already."""
    shipping = body.get("shipping_details") or {}
    details = body.get("order_details") or {}
    weight = ((shipping.get("measurement") or {}).get("weight")) or {}
    return {
        "indicator": str(shipping.get("delivery_indicator") or ""),
        "weight": f"{weight.get('value')} {weight.get('unit')}".replace(".", ",") if weight else "",
        "tags": [str(each) for each in details.get("tags") or ()],
        "customs": bool(body.get("customs_details")),
    }


def _parcel(parcel: SendcloudParcel) -> dict[str, Any]:
    return {
        "id": parcel.id,
        "number": parcel.tracking_number,
        "url": parcel.tracking_url or "",
        "carrier": parcel.carrier,
        "status": parcel.message,
        "phase": _phase(parcel),
        "collo": f"{parcel.collo_nr + 1}/{parcel.collo_count}" if parcel.collo_count > 1 else "",
        "return": parcel.is_return,
    }


def _phase(parcel: SendcloudParcel) -> str:
    """Return the phase of a parcel, one per colour of the page."""
    if parcel.cancelled:
        return "cancelled"
    if parcel.is_return:
        return "return"
    if parcel.status in _DELIVERED:
        return "delivered"
    return "underway" if parcel.status in _PICKED_UP else "label"
