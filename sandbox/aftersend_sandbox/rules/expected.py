"""What should have gone to Sendcloud, read from Afterbuy's side only."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyItem, AfterbuyOrder
from aftersend_sandbox.world.sendcloud_account import SendcloudOrder
from aftersend_sandbox.world.world import INTEGRATION_ID, World

BERLIN = ZoneInfo("Europe/Berlin")
EDGE = timedelta(hours=1)
"""At the edges of the window the bridge may ask one hour wider (change of DST): neither expected nor forbidden."""
LATE = timedelta(days=12)
"""How long before the window an order may be dated that is shown later; the bridge looks back a day more."""
MARKETPLACE = {201, 301, 501}
CUSTOMS_COUNTRIES = {"CH", "GB", "NO", "US", "JE", "GG", "GI", "AX", "IS", "LI", "TR", "UA", "RS", "SM", "VA", "IC"}
PLATES = {
    "D": "DE",
    "A": "AT",
    "F": "FR",
    "E": "ES",
    "I": "IT",
    "B": "BE",
    "L": "LU",
    "UK": "GB",
    "GBM": "GB",
    "SLO": "SI",
}
ISO = {"EL": "GR"}
"""Codes that are in use beside the standard."""
STATES = {"IL": "US-IL", "IL - Illinois": "US-IL", "Roma (RM)": "IT-RM"}
DECLARED = {"HS 6205.20.00": "62052000", "6214100": "", "China": "CN", "VN/CN": ""}
"""Customs data as written, and what may be declared of it."""
COD = {"CASH_ON_DELIVERY", "COD_CREDITWORTHINESS"}
CUSTOMS_POSTCODES = {
    "ES": ("35", "38", "51", "52"),
    "DE": ("78266", "27498"),
    "IT": ("23041", "22061"),
    "FI": ("22",),
    "FR": ("971", "972", "973", "974", "976"),
}


def shipped_items(order: AfterbuyOrder) -> list[AfterbuyItem]:
    """Return the items that the merchant ships."""
    if order.cancelled:
        return []
    goods = [item for item in order.items if item.quantity > 0 and item.price >= 0]
    return [item for item in goods if item.item_type not in MARKETPLACE]


def price(item: AfterbuyItem) -> Decimal:
    """Return what the buyer pays for a piece: in his currency if that is filled in, else in euros."""
    return item.original_price or item.price


def total(order: AfterbuyOrder) -> Decimal | None:
    """Return the total of what the merchant ships, at least 0; None in a foreign currency, of which none is known."""
    if any(item.original_price for item in order.items):
        return None
    own = [item for item in order.items if item.quantity > 0 and item.item_type not in MARKETPLACE]
    lines = sum((item.price * item.quantity for item in own), Decimal(0))
    if any(item.quantity > 0 and item.item_type in MARKETPLACE for item in order.items):
        return max(lines + order.shipping.cost, Decimal(0))
    return max(lines if order.payment.full_amount is None else order.payment.full_amount, Decimal(0))


def mail(order: AfterbuyOrder) -> str:
    """Return the mail address, without what may stand around it; empty if it is none."""
    found = re.search(r"[\w-]+(?:\.[\w-]+)*@example\.(?:com|de|org)", order.billing.mail)
    return found[0] if found else ""


def address_of(order: AfterbuyOrder) -> AfterbuyAddress:
    """Return the shipping address, else the billing address."""
    shipping = order.shipping_address
    return shipping if shipping and has_place(shipping) else order.billing


def post_number(world: World, order: AfterbuyOrder) -> str:
    """Return the number below a Packstation or Postfiliale, unless Sendcloud wants the point's own id beside it."""
    address = address_of(order)
    is_point = re.fullmatch(r"(Packstation|Postfiliale) \d{3}", address.street.strip())
    taken = is_point and world.switches.service_point_id == "optional"
    return address.street2.strip() if taken else ""


def has_place(address: AfterbuyAddress) -> bool:
    """Return True if the address is complete enough for a parcel."""
    return bool(address.street or address.city or address.postal_code)


def held_back(world: World, order: AfterbuyOrder) -> bool:
    """Return True if Afterbuy held a parcel number before the bridge wrote anything."""
    for change in world.journal.writes.get(order.order_id, ()):
        if "AdditionalInfo" in change:
            return bool(change["AdditionalInfo"][0].strip())
    return bool(order.additional_info.strip()) or any(label.number for label in order.shipping.parcel_labels)


def exported_at(world: World) -> datetime:
    """Return when the first export ran, which decides what "today" is."""
    for entry in world.journal.entries:
        if entry.api == "afterbuy" and entry.what == "GetSoldItems":
            return entry.at
    return world.clock.now()


def dated(order: AfterbuyOrder) -> datetime:
    """Return the date that decides which day an order belongs to."""
    return order.items[0].ended_at or order.ordered_at if order.items else order.ordered_at


def window(world: World) -> tuple[datetime, datetime]:
    """Return yesterday's first moment in Berlin, and now."""
    now = exported_at(world)
    midnight = now.astimezone(BERLIN).replace(hour=0, minute=0, second=0, microsecond=0)
    return (midnight - timedelta(days=1)).replace(tzinfo=BERLIN), now


def must_go(world: World) -> Iterator[AfterbuyOrder]:
    """List the orders that must be transferred: of the first export's window, and those that were shown later."""
    start, end = window(world)
    for order in world.afterbuy.orders:
        is_due = start <= dated(order) <= end and order.is_shown(end)
        if could_go(order) and not held_back(world, order) and (is_due or appeared(world, order)):
            yield order


def appeared(world: World, order: AfterbuyOrder) -> bool:
    """Return True if the order was shown only after the first export, and ModDate says so."""
    start, end = window(world)
    is_recent = dated(order) >= start - LATE
    is_found = world.switches.mod_date == "appearance"
    return not order.is_shown(end) and order.is_shown(world.clock.now()) and is_recent and is_found


def must_stay(world: World) -> Iterator[AfterbuyOrder]:
    """List the orders that no export may transfer; an order that is shown later is not judged by its date."""
    start, end = window(world)
    for order in world.afterbuy.orders:
        is_old = dated(order) < start - EDGE and order.is_shown(end)
        if not could_go(order) or held_back(world, order) or is_old:
            yield order


def could_go(order: AfterbuyOrder) -> bool:
    """Return True for a real, visible order with an address and something for the merchant to ship."""
    return order.is_order and not order.hidden and has_place(address_of(order)) and bool(shipped_items(order))


def incoming(world: World, order: AfterbuyOrder) -> SendcloudOrder | None:
    """Return the order as Sendcloud has it, saved or still being saved."""
    return world.sendcloud.orders.get((INTEGRATION_ID, f"afterbuy-{order.order_id}"))


def transferred(world: World) -> Iterator[tuple[AfterbuyOrder, dict[str, Any]]]:
    """Yield all orders that exist on both sides, with the JSON body that Sendcloud keeps."""
    for order in world.afterbuy.orders:
        saved = incoming(world, order)
        if saved is not None:
            yield order, saved.body


def country(address: AfterbuyAddress) -> str:
    """Return the ISO code; where Afterbuy keeps only the licence plate, that of the plate."""
    return ISO.get(address.country_iso, address.country_iso) or PLATES.get(address.country, address.country)


def abroad(address: AfterbuyAddress) -> bool:
    """Return True outside the EU customs union or its tax area; Northern Ireland counts as inside."""
    land, code = country(address), address.postal_code.replace(" ", "").upper()
    if land == "GB" and code.startswith("BT"):
        return False
    return land in CUSTOMS_COUNTRIES or code.startswith(CUSTOMS_POSTCODES.get(land, ("-",)))
