"""Contents of a label: carrier and method, number, link, weight, and the recipient as Sendcloud rewrites it."""

import re
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from aftersend_sandbox.switches import Switches
from aftersend_sandbox.world.sendcloud_account import Recipient, SendcloudParcel

CARRIERS: Final = {
    "dhl_de": (3118, "DHL Paket 0-5kg"),
    "dp": (1316, "Deutsche Post Warenpost"),
    "dpd": (111, "DPD Classic 0-31.5kg"),
    "gls_de": (1345, "GLS Business Parcel 0-5kg"),
    "hermes_de": (1262, "Hermes Paketshop 0-25kg"),
    "ups": (148, "UPS Standard 0-70kg"),
    "sendcloud": (8, "Unstamped letter"),
}
"""Carrier code → (id, name) of the shipping method."""

_PREFIXES: Final = {
    "dhl_de": "0034043446418",
    "dp": "RX84",
    "dpd": "0150509",
    "ups": "1Z999AA1",
    "sendcloud": "SCC",
}
_FACTORS: Final = {"kg": Decimal(1), "g": Decimal("0.001"), "lbs": Decimal("0.45359237"), "oz": Decimal("0.0283495")}
_DEFAULT: Final = Decimal("1.000")
"""The account's default weight, taken where an order says none."""


def new_number(carrier: str, parcel_id: int) -> str:
    """Make a tracking number in the carrier's form, unique by the parcel's id."""
    return f"{_PREFIXES.get(carrier, '4410')}{parcel_id % 10**7:07d}"


def link(parcel: SendcloudParcel, switches: Switches) -> str:
    """Make the tracking link with the postal code; the brand's form has the number in lower case."""
    postal = parcel.recipient.postal_code
    if switches.tracking_url == "brand":
        query = {"country": "de", "tracking_number": parcel.tracking_number.lower(), "postal_code": postal}
        return f"https://jj.shipping-portal.com/tracking/?{urlencode(query)}"
    query = {"carrier": parcel.carrier, "code": parcel.tracking_number, "verification": postal}
    return f"https://tracking.eu-central-1-0.sendcloud.sc/forward?{urlencode(query)}"


def weight_of(body: dict[str, Any], switches: Switches) -> Decimal:
    """Return the order's total weight in kg, else the sum of its items, else the account's default."""
    total = body.get("shipping_details", {}).get("measurement", {}).get("weight")
    if total:
        return _kilograms(total)
    each_unit = switches.item_weight == "per_unit"
    items = body["order_details"]["order_items"]
    weights = [(item.get("measurement", {}).get("weight"), item["quantity"] if each_unit else 1) for item in items]
    return sum((_kilograms(weight) * count for weight, count in weights if weight), Decimal(0)) or _DEFAULT


def _kilograms(weight: dict[str, Any]) -> Decimal:
    return (Decimal(str(weight["value"])) * _FACTORS[weight["unit"]]).quantize(Decimal("0.001"))


def recipient_of(body: dict[str, Any]) -> Recipient:
    """Render name and address of a label: street and house number in one line, Dutch postal codes with a space."""
    address = body.get("shipping_address") or body.get("billing_address") or {}
    street, house = address.get("address_line_1", ""), address.get("house_number") or ""
    if not house and (split := re.fullmatch(r"(.*\S)\s+(\d+\s*[a-zA-Z]?)", street)):
        street, house = split.groups()
    postal = address.get("postal_code", "")
    return Recipient(
        name=address.get("name", ""),
        company_name=address.get("company_name") or "",
        address=f"{street} {house}".strip(),
        address_2=address.get("address_line_2") or "",
        street=street,
        house_number=house,
        city=address.get("city", ""),
        postal_code=re.sub(r"^(\d{4})([A-Z]{2})$", r"\1 \2", postal) if address.get("country_code") == "NL" else postal,
        country=address.get("country_code", "DE"),
        state=address.get("state_province_code"),
        telephone=address.get("phone_number") or "",
        email=address.get("email") or "",
    )
