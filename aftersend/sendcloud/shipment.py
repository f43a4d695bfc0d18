"""Decode a v3 shipment to the events that a v2 parcel would bring: the second reader of the sweep.

A shipment is some parcels of one order number. It names neither our ``order_id`` nor returns nor collo numbers, its
statuses are words, and its parcels have the ids of v2. So each parcel becomes an event without ``external_order_id``
that is matched by parcel id or order number, and the words become the numbers of v2 (see ``status``).
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Raw

from aftersend.sendcloud import lenient
from aftersend.sendcloud.errors import Malformed
from aftersend.sendcloud.model import ParcelEvent
from aftersend.sendcloud.parcel import Parcel, parcel_event
from aftersend.sendcloud.status import status_id

StatusIds = Mapping[str, int]
"""v3 status code -> number of v2, as far as known."""


class ListedStatus(msgspec.Struct, frozen=True):
    """A status of v3: code and message."""

    code: Any = None
    message: Any = None

    @property
    def id(self) -> int | None:
        """The number of v2; None if neither code nor message is known."""
        return status_id(lenient.text(self.code), lenient.text(self.message))


class StatusList(msgspec.Struct, frozen=True):
    """v3: all statuses at once."""

    data: list[ListedStatus]

    @property
    def ids(self) -> StatusIds:
        """The numbers of v2 by code."""
        return {code: found for listed in self.data if (code := lenient.text(listed.code)) and (found := listed.id)}


class ShipmentList(msgspec.Struct, frozen=True):
    """v3: a page of shipments, which stay raw, so that a broken one does not affect the others."""

    data: list[Raw]


class _Shipment(msgspec.Struct, frozen=True):
    parcels: list[Raw] = []
    order_number: Any = None
    carrier: Any = None


class _ShipmentParcel(msgspec.Struct, frozen=True):
    id: Any = None
    status: Any = None
    tracking_number: Any = None
    tracking_url: Any = None
    updated_at: Any = None


def shipped_events(shipments: Iterable[Raw], *, statuses: StatusIds, received: int) -> Iterator[ParcelEvent | None]:
    """Yield the event of each parcel; None for a parcel or shipment that cannot be read. ``received`` in ms."""
    for raw in shipments:
        try:
            shipment = lenient.decode(raw, _Shipment, at="shipment")
        except Malformed:
            yield None
        else:
            yield from (_event(parcel, shipment, statuses, received) for parcel in shipment.parcels)


def _event(raw: Raw, shipment: _Shipment, statuses: StatusIds, received: int) -> ParcelEvent | None:
    try:
        listed = lenient.decode(raw, _ShipmentParcel, at="parcel")
        time = lenient.date_updated(listed.updated_at, received=received)
        return parcel_event(_as_v2(listed, shipment, statuses), received=received, time=time)
    except Malformed:
        return None


def _as_v2(listed: _ShipmentParcel, shipment: _Shipment, statuses: StatusIds) -> Parcel:
    return Parcel(
        id=listed.id,
        status=_status(listed.status, statuses),
        tracking_number=listed.tracking_number,
        tracking_url=listed.tracking_url,
        carrier=shipment.carrier,
        order_number=shipment.order_number,
    )


def _status(value: object, statuses: StatusIds) -> int | None:
    """Return the number of v2: by the account's own list of codes, else by what stands in the parcel."""
    if not isinstance(value, dict):
        return statuses.get(lenient.text(value))
    code, message = lenient.text(value.get("code")), lenient.text(value.get("message"))
    return statuses.get(code) or status_id(code, message)
