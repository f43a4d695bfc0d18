"""v3 ``/shipments`` of the simulated Sendcloud: the same parcels in another form, grouped by shipment.

A shipment names neither the integration nor the incoming order's ``order_id``, no return and no position among several
parcels; the statuses of its parcels are words. Whether returns are listed at all is a switch.
"""

import uuid
from collections.abc import Callable, Iterator
from itertools import groupby, islice
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud.access import answer, v3_error
from aftersend_sandbox.sendcloud.orders import moment, next_url, read_cursor
from aftersend_sandbox.world.sendcloud_account import STATUS_MESSAGES, SendcloudParcel
from aftersend_sandbox.world.world import World

USUAL_PAGE: Final = 40
LARGEST_PAGE: Final = 100
_NAMESPACE: Final = uuid.UUID("5f9c8a52-8d0e-4a57-9a35-0d1c1a8f3b11")
_DOCUMENTED: Final = {
    1000: "READY_TO_SEND",
    1: "ANNOUNCED",
    1001: "ANNOUNCING",
    1002: "ANNOUNCEMENT_FAILED",
    2000: "CANCELLED",
}
Predicate = Callable[[SendcloudParcel], bool]


async def list_shipments(request: web.Request, world: World) -> web.Response:
    """List one page, the youngest shipment first; a shipment is listed if one of its parcels matches."""
    size = _page_size(request, world)
    tests = list(_predicates(request, world))
    below = read_cursor(request, world)
    shipments = (list(each) for _, each in groupby(world.sendcloud.parcels.newest_first(below), key=_key))
    matching = (parcels for parcels in shipments if any(all(test(each) for test in tests) for each in parcels))
    page = list(islice(matching, size))
    more = next(matching, None) is not None
    headers = {"Link": f'<{next_url(request, page[-1][-1].id, world)}>; rel="next"'} if more else {}
    return answer({"data": [_body(parcels, world) for parcels in page]}, headers=headers)


async def list_statuses(_request: web.Request, world: World) -> web.Response:
    """List the codes of v3 with their messages."""
    rows = [{"code": _code(number, world), "message": message} for number, message in STATUS_MESSAGES.items()]
    return answer({"data": rows})


def _key(parcel: SendcloudParcel) -> tuple[str, str]:
    return parcel.shipment_uuid or str(parcel.id), parcel.order_number


def _body(parcels: list[SendcloudParcel], world: World) -> dict[str, Any]:
    first = parcels[-1]
    return {
        "id": str(uuid.uuid5(_NAMESPACE, str(first.id))),
        "order_number": first.order_number,
        "external_reference_id": first.external_reference,
        "reference": None,
        "brand_id": None,
        "carrier": {"code": first.carrier},
        "to_address": {"name": first.recipient.name, "city": first.recipient.city},
        "parcels": [_parcel(each, world) for each in reversed(parcels)],
    }


def _parcel(parcel: SendcloudParcel, world: World) -> dict[str, Any]:
    return {
        "id": parcel.id,
        "status": {"code": _code(parcel.status, world), "message": parcel.message},
        "tracking_number": parcel.tracking_number,
        "tracking_url": parcel.tracking_url,
        "announced_at": parcel.announced_at.isoformat() if parcel.announced_at else None,
        "updated_at": parcel.updated_at.isoformat(),
    }


def _code(status: int, world: World) -> str:
    """Return the code of a status: five are documented, the rest is a switch."""
    plain = "".join(each if each.isalnum() else " " for each in STATUS_MESSAGES[status]).split()
    if world.switches.v3_status_codes == "slug":
        return "-".join(plain).lower()
    return _DOCUMENTED.get(status, "_".join(plain).upper())


def _predicates(request: web.Request, world: World) -> Iterator[Predicate]:
    query = request.query
    if world.switches.v3_returns == "absent":
        yield lambda parcel: not parcel.is_return
    if "integration_id" in query:
        yield lambda parcel: str(parcel.integration) == query["integration_id"]
    if "order_number" in query:
        yield lambda parcel: parcel.order_number == query["order_number"]
    if "updated_after" in query:
        try:
            bound = moment(query["updated_after"])
        except ValueError:
            raise v3_error(400, "updated_after", "invalid", "Enter a valid date/time.", world) from None
        yield lambda parcel: parcel.updated_at >= bound


def _page_size(request: web.Request, world: World) -> int:
    text = request.query.get("page_size", str(USUAL_PAGE))
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise v3_error(400, "page_size", "invalid", f"Input should be between 1 and {LARGEST_PAGE}", world)
    return int(text)
