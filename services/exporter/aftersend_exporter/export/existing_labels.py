"""Labels that Sendcloud shows before the ledger knows them.

What a push does to an order that has a label already is not documented: nothing, or a second incoming order. So before
an order is pushed *again*, its parcels are read from Sendcloud; before a push is repeated within a run, the parcels
that changed since its first try. And while the ledger knows too little (Redis was lost, or is new), the labels of the
whole catch-up period are read once, so that orders which are long on their way are not pushed again.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from aftersend.order_ids import is_order_id, order_id_of
from aftersend.sendcloud.model import ParcelEvent
from aftersend_exporter.context import ExportContext
from aftersend_exporter.parcel_api import api_in_use, parcels_of, read_parcels


async def has_label(context: ExportContext, order_id: str) -> bool:
    """Return whether Sendcloud shows a parcel with a number for this order; cancelled ones count, returns do not."""
    return int(order_id) in _orders(await parcels_of(context, order_id))


async def all_labelled(context: ExportContext) -> set[int]:
    """Return the OrderIDs of all orders that got a label in the catch-up period."""
    return await labelled_since(context, context.now() - timedelta(milliseconds=context.recheck_period_ms))


async def labelled_since(context: ExportContext, since: datetime) -> set[int]:
    """Return the OrderIDs of all orders whose label is new or changed since then."""
    found: set[int] = set()
    async for page in read_parcels(context, await api_in_use(context), since):
        found |= _orders(page.events)
    return found


def _orders(events: Iterable[ParcelEvent]) -> set[int]:
    return {_order(event) for event in events if event.number and not event.is_return} - {0}


def _order(event: ParcelEvent) -> int:
    """Return the OrderID that a parcel names; 0 for foreign parcels."""
    external = event.external_order_id
    order = order_id_of(external) if external else event.order_number
    return int(order) if is_order_id(order) else 0
