"""v2 of the simulated Sendcloud: the parcel object, lists of parcels, statuses, cancelling.

The parcel object is the one recorded: personal data included, dates as ``DD-MM-YYYY HH:MM:SS`` in UTC without a zone,
``tracking_number`` an empty text when there is none, ``tracking_url`` missing then. Webhooks carry the same object.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud.access import RequestRefused, answer, v2_error
from aftersend_sandbox.sendcloud.orders import moment, next_url, read_cursor
from aftersend_sandbox.sendcloud.panel import Panel
from aftersend_sandbox.world.sendcloud_account import STATUS_MESSAGES, SendcloudParcel
from aftersend_sandbox.world.world import World

PAGE: Final = 100
MOST_IDS: Final = 100

_ISO3: Final = {"DE": "DEU", "AT": "AUT", "CH": "CHE", "GB": "GBR", "NO": "NOR", "ES": "ESP", "NL": "NLD", "FR": "FRA"}
_CANCEL: Final = {
    "cancelled": (200, "Parcel has been cancelled"),
    "queued": (202, "Cancellation has been queued"),
    "failed": (400, "This parcel is already being cancelled or can no longer be cancelled."),
    "deleted": (410, "Parcel has been deleted"),
}

Predicate = Callable[[SendcloudParcel], bool]


def parcel_body(parcel: SendcloudParcel) -> dict[str, Any]:
    """Render the v2 parcel object."""
    body = {
        "id": parcel.id,
        **_recipient(parcel),
        **_identity(parcel),
        "status": {"id": parcel.status, "message": parcel.message},
        "tracking_number": parcel.tracking_number,
        "carrier": {"code": parcel.carrier},
        "shipment": {"id": parcel.method_id, "name": parcel.method_name},
        "shipping_method": parcel.method_id,
        "shipping_method_checkout_name": "",
        "contract": None,
        "weight": f"{parcel.weight:.3f}",
        "parcel_items": parcel.items,
        "documents": [],
        "label": {},
        "customs_declaration": {},
        "total_order_value": parcel.order_total,
        "total_order_value_currency": parcel.currency,
        "insured_value": 0,
        "is_return": parcel.is_return,
        "type": "parcel",
        "note": parcel.note,
        "date_created": v2_date(parcel.created_at),
        "date_announced": v2_date(parcel.announced_at) if parcel.announced_at else None,
        "date_updated": v2_date(parcel.updated_at),
        "date_shipped": v2_date(parcel.shipped_at) if parcel.shipped_at else None,
        "to_service_point": None,
        "extra_data": {},
    }
    return {**body, "tracking_url": parcel.tracking_url} if parcel.tracking_url else body


def v2_date(at: datetime) -> str:
    """Format a moment for v2: UTC, no zone, whole seconds."""
    return at.strftime("%d-%m-%Y %H:%M:%S")


def _recipient(parcel: SendcloudParcel) -> dict[str, Any]:
    person = parcel.recipient
    country = {"iso_2": person.country, "iso_3": _ISO3.get(person.country, ""), "name": person.country}
    return {
        "name": person.name,
        "company_name": person.company_name,
        "address": person.address,
        "address_2": person.address_2,
        "address_divided": {"street": person.street, "house_number": person.house_number},
        "house_number": person.house_number,
        "city": person.city,
        "postal_code": person.postal_code,
        "country": country,
        "to_state": person.state,
        "telephone": person.telephone,
        "email": person.email,
    }


def _identity(parcel: SendcloudParcel) -> dict[str, Any]:
    return {
        "order_number": parcel.order_number,
        "external_order_id": parcel.external_order_id,
        "external_shipment_id": parcel.external_shipment_id,
        "external_reference": parcel.external_reference,
        "reference": "0",
        "shipment_uuid": parcel.shipment_uuid,
        "colli_uuid": parcel.colli_uuid,
        "colli_tracking_number": None,
        "collo_nr": parcel.collo_nr,
        "collo_count": parcel.collo_count,
    }


async def list_parcels(request: web.Request, world: World) -> web.Response:
    """List one page of a hundred, the youngest parcel first."""
    tests = list(_predicates(request))
    below = _cursor(request, world)
    matching = (each for each in _candidates(request, world, below) if all(test(each) for test in tests))
    page = list(islice(matching, PAGE))
    more = next(matching, None) is not None
    following = next_url(request, page[-1].id, world) if more else None
    return answer({"next": following, "previous": None, "parcels": [parcel_body(each) for each in page]})


def _candidates(request: web.Request, world: World, below: int | None) -> Iterator[SendcloudParcel]:
    """Return the parcels of the order number that the query names, else all."""
    parcels = world.sendcloud.parcels
    if number := request.query.get("order_number"):
        return (each for each in reversed(parcels.of_number(number)) if below is None or each.id < below)
    return parcels.newest_first(below)


def _cursor(request: web.Request, world: World) -> int | None:
    try:
        return read_cursor(request, world)
    except RequestRefused:
        raise v2_error(request, 400, 'cursor: "Invalid cursor"') from None


def _predicates(request: web.Request) -> Iterator[Predicate]:
    query = request.query
    for name, attribute in (("updated_after", "updated_at"), ("announced_after", "announced_at")):
        if name in query:
            yield _after(attribute, _moment(request, name))
    if "tracking_number" in query:
        yield lambda parcel: parcel.tracking_number == query["tracking_number"]
    if "external_reference" in query:
        yield lambda parcel: parcel.external_reference == query["external_reference"]
    if "parcel_status" in query:
        yield lambda parcel: str(parcel.status) == query["parcel_status"]
    if "ids" in query:
        wanted = set(query["ids"].split(","))
        if len(wanted) > MOST_IDS or not all(each.isdecimal() for each in wanted):
            raise v2_error(request, 400, 'ids: "Enter at most 100 whole numbers."')
        yield lambda parcel: str(parcel.id) in wanted


def _moment(request: web.Request, name: str) -> datetime:
    try:
        return moment(request.query[name])
    except ValueError:
        raise v2_error(request, 400, f'{name}: "Enter a valid date/time."') from None


def _after(attribute: str, bound: datetime) -> Predicate:
    def test(parcel: SendcloudParcel) -> bool:
        own: datetime | None = getattr(parcel, attribute)
        return own is not None and own >= bound

    return test


def _find(request: web.Request, world: World) -> SendcloudParcel:
    number = request.match_info["id"]
    parcel = world.sendcloud.parcels.get(int(number)) if number.isdecimal() else None
    if parcel is None:
        raise v2_error(request, 404, "No Parcel matches the given query.")
    return parcel


async def read_parcel(request: web.Request, world: World) -> web.Response:
    """Return one parcel."""
    return answer({"parcel": parcel_body(_find(request, world))})


async def cancel_parcel(request: web.Request, world: World, panel: Panel) -> web.Response:
    """Cancel a label."""
    outcome = panel.cancel(_find(request, world))
    status, message = _CANCEL[outcome]
    return answer({"status": outcome, "message": message}, status=status)


async def list_statuses(_request: web.Request, _world: World) -> web.Response:
    """List the numeric statuses of v2."""
    return answer([{"id": number, "message": message} for number, message in STATUS_MESSAGES.items()])
