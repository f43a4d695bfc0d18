"""What people do in Sendcloud's panel, and what carriers report: it changes parcels and makes webhooks.

A label is first announced (status 1001, no number), then ready (1000, number, link), each with a webhook of its own, as
recorded. Re-labelling makes a parcel of its own beside the old one; both live for a moment. Every changed parcel is
reported to its integration, unless the parcel is a return without an outgoing shipment of the API integration.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Protocol
from uuid import uuid4

from aftersend_sandbox.sendcloud import saving
from aftersend_sandbox.sendcloud.labels import CARRIERS, link, new_number, recipient_of, weight_of
from aftersend_sandbox.world.journal import JournalEntry
from aftersend_sandbox.world.sendcloud_account import Recipient, SendcloudOrder, SendcloudParcel
from aftersend_sandbox.world.world import World

OPEN, ANNOUNCING, READY, FAILED = 999, 1001, 1000, 1002
CANCELLED, CANCEL_REQUESTED, CANCEL_FAILED = 2000, 1999, 94
PICKED_UP: Final = 22


class ParcelObserver(Protocol):
    """Receives each change of a parcel; sends webhooks."""

    def parcel_changed(self, parcel: SendcloudParcel) -> None:
        """Report a changed parcel to its integration."""


class Panel:
    """All actions on the Sendcloud side."""

    def __init__(self, world: World, observer: ParcelObserver) -> None:
        self._world = world
        self._observer = observer

    def print_labels(
        self,
        order: SendcloudOrder,
        *,
        count: int = 1,
        carrier: str = "dhl_de",
        split: bool = False,
        fails: bool = False,
    ) -> list[SendcloudParcel]:
        """Label an order: one parcel, ``count`` colli of one shipment, or ``count`` parcels of a split order."""
        shared = count > 1 and (not split or self._world.switches.split_order == "colli")
        colli = str(uuid4()) if shared else None
        parcels = [self._new_parcel(order, carrier) for _ in range(count)]
        for number, parcel in enumerate(parcels):
            parcel.colli_uuid = colli
            parcel.collo_nr, parcel.collo_count = (number, count) if shared else (0, 1)
            self._turn(parcel, ANNOUNCING)
        for parcel in parcels:
            self._announce(parcel, fails=fails)
        order.labelled = order.labelled or not fails
        return parcels

    def _announce(self, parcel: SendcloudParcel, *, fails: bool) -> None:
        if not fails:
            parcel.announced_at = self._world.clock.now()
            parcel.tracking_number = new_number(parcel.carrier, parcel.id)
            parcel.tracking_url = link(parcel, self._world.switches)
        self._turn(parcel, FAILED if fails else READY)

    def relabel(self, order: SendcloudOrder, *, carrier: str = "dpd", cancel_late: bool = True) -> SendcloudParcel:
        """Print a new label and cancel the live ones, afterwards (the recorded case) or before."""
        old = [each for each in self.parcels_of(order) if each.tracking_number and not each.cancelled]
        if not cancel_late:
            self._cancel_all(old)
        (parcel,) = self.print_labels(order, carrier=carrier)
        if cancel_late:
            self._cancel_all(old)
        return parcel

    def _cancel_all(self, parcels: list[SendcloudParcel]) -> None:
        for each in parcels:
            self._turn(each, CANCELLED)

    def parcels_of(self, order: SendcloudOrder) -> list[SendcloudParcel]:
        """List the parcels that were printed for an incoming order, returns left out."""
        own = self._world.sendcloud.parcels.of_number(order.order_number)
        return [each for each in own if each.shipment_uuid == order.shipment_uuid and not each.is_return]

    def cancel(self, parcel: SendcloudParcel) -> str:
        """Cancel a label and all colli of its shipment: ``cancelled``, ``queued``, ``failed`` or ``deleted``."""
        if parcel.status in {OPEN, FAILED}:
            return "deleted"
        how = self._world.switches.cancellation
        if parcel.status in {CANCELLED, CANCEL_REQUESTED} or how == "refused":
            return "failed"
        family = [
            each for each in self._world.sendcloud.parcels.of_number(parcel.order_number) if _together(each, parcel)
        ]
        for each in family:
            self._turn(each, CANCELLED if how == "at_once" else CANCEL_REQUESTED)
        return "cancelled" if how == "at_once" else "queued"

    def move(self, parcel: SendcloudParcel, status: int) -> None:
        """Change the status in any other way, as carriers report it."""
        if status == PICKED_UP:
            parcel.shipped_at = self._world.clock.now()
        self._turn(parcel, status)

    def send_back(self, order: SendcloudOrder, *, same_number: bool = True) -> SendcloudParcel:
        """Make a return parcel; it often carries the outgoing order's number."""
        parcel = self._new_parcel(order, "dhl_de")
        self._world.sendcloud.parcels.rename(parcel, order.order_number if same_number else "")
        parcel.is_return, parcel.shipment_uuid = True, None
        parcel.external_order_id = parcel.external_shipment_id = ""
        self._announce(parcel, fails=False)
        return parcel

    def make_directly(
        self, order_number: str, *, integration: int, recipient: Recipient | None = None
    ) -> SendcloudParcel:
        """Make a parcel without an incoming order, as other tools do: its external_order_id is its own id."""
        parcel = self._parcel(integration, recipient or Recipient(name="Erika Beispiel", city="Bonn"), order_number)
        parcel.external_order_id = str(parcel.id)
        self._world.sendcloud.parcels.add(parcel)
        self._announce(parcel, fails=False)
        return parcel

    def delete_order(self, order: SendcloudOrder) -> None:
        """Remove an incoming order for good."""
        sendcloud = self._world.sendcloud
        saving.settle(self._world)
        if self._world.switches.deleted_order == "cancels_labels":
            self._cancel_all([each for each in self.parcels_of(order) if not each.cancelled])
        sendcloud.by_id.pop(order.id, None)
        if sendcloud.orders.get((order.integration, order.order_id)) is order:
            del sendcloud.orders[order.integration, order.order_id]
        self._note("order deleted", order.order_id)

    def _new_parcel(self, order: SendcloudOrder, carrier: str) -> SendcloudParcel:
        parcel = self._parcel(order.integration, recipient_of(order.body), order.order_number)
        parcel.carrier, (parcel.method_id, parcel.method_name) = carrier, CARRIERS.get(carrier, (8, "Unstamped letter"))
        parcel.shipment_uuid = order.shipment_uuid
        parcel.weight = weight_of(order.body, self._world.switches)
        parcel.items = _declared(order.body)
        price = order.body["payment_details"]["total_price"]
        parcel.order_total, parcel.currency = str(price["value"]), price["currency"]
        ids = {"order_id": order.order_id, "absent": "", "own_id": str(parcel.id)}
        parcel.external_order_id = ids[self._world.switches.external_order_id]
        self._world.sendcloud.parcels.add(parcel)
        return parcel

    def _parcel(self, integration: int, recipient: Recipient, order_number: str) -> SendcloudParcel:
        sendcloud, now = self._world.sendcloud, self._world.clock.now()
        number, sendcloud.next_parcel = sendcloud.next_parcel, sendcloud.next_parcel + 1
        return SendcloudParcel(
            number, integration, recipient, created_at=now, updated_at=now, order_number=order_number
        )

    def _turn(self, parcel: SendcloudParcel, status: int) -> None:
        """Change the status; no two changes of one parcel share a moment."""
        now = self._world.clock.now()
        parcel.updated_at = max(now, parcel.updated_at + timedelta(milliseconds=1))
        parcel.status = status
        self._note(f"parcel {status}", str(parcel.id))
        if not parcel.is_return or self._outgoing(parcel):
            self._observer.parcel_changed(parcel)

    def _outgoing(self, parcel: SendcloudParcel) -> bool:
        own = self._world.sendcloud.parcels.of_number(parcel.order_number)
        return any(each.integration == parcel.integration and not each.is_return for each in own)

    def _note(self, what: str, key: str) -> None:
        self._world.journal.note(JournalEntry(self._world.clock.now(), "sendcloud", what, key))


def _together(one: SendcloudParcel, other: SendcloudParcel) -> bool:
    return one is other or (other.colli_uuid is not None and one.colli_uuid == other.colli_uuid and not one.cancelled)


def _declared(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Render ``parcel_items`` of a label, weights and values as texts."""
    return [
        {
            "description": item["name"][:255],
            "quantity": item["quantity"],
            "weight": str(item.get("measurement", {}).get("weight", {}).get("value", Decimal("0.001"))),
            "value": str(item.get("unit_price", item["total_price"])["value"]),
            "hs_code": item.get("hs_code", ""),
            "origin_country": item.get("country_of_origin"),
            "sku": item.get("sku", ""),
            "item_id": item.get("item_id"),
            "product_id": item.get("product_id", ""),
            "properties": item.get("properties", {}),
            "return_reason": None,
            "return_message": None,
        }
        for item in body["order_details"]["order_items"]
    ]
