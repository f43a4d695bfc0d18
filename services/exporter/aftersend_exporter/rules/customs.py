"""Customs data: an invoice number, the kind of export, and per item tariff number and origin.

Tariff number and origin stand at the product in Afterbuy; what is missing there comes from the merchant's defaults.
What is filled there and not understood is left out: a default would declare something that may be false.
Both are checked for shape, because Sendcloud refuses the whole order for a malformed one.
"""

import re

from aftersend.afterbuy.model import Order, ProductCustoms
from aftersend.sendcloud.model import CustomsDetails
from aftersend.tenant.document import Customs
from aftersend_exporter.rules.addresses import destination
from aftersend_exporter.rules.territories import needs_customs

_HS_CODE = re.compile(r"[0-9.]{4,12}")
_COUNTRY = re.compile(r"[A-Z]{2}")


def is_for_customs(order: Order) -> bool:
    """Return whether the order leaves the EU customs union or its tax area."""
    to = destination(order)
    return to is not None and needs_customs(country=to.country, postal_code=to.postal_code)


def customs_details(order: Order, *, rules: Customs) -> CustomsDetails:
    """Return the customs data of the whole order: the invoice number is the OrderID."""
    return CustomsDetails(
        commercial_invoice_number=order.order_id,
        shipment_type=rules.shipment_type,
        export_type=rules.export_type,
    )


def hs_code(product: ProductCustoms | None, *, defaults: Customs) -> str:
    """Return the tariff number of an item; empty if there is none, or if the product's own is not understood."""
    if product and "CustomsTariffNumber" in product.unclear:
        return ""
    given = "".join(product.hs_code.split()) if product else ""
    return given if _HS_CODE.fullmatch(given) else defaults.hs_code or ""


def origin_country(product: ProductCustoms | None, *, defaults: Customs) -> str:
    """Return where an item was made, ISO 3166-1 alpha-2; empty if the product's own origin is not understood."""
    if product and "CountryOfOrigin" in product.unclear:
        return ""
    given = product.origin_country.strip().upper() if product else ""
    return given if _COUNTRY.fullmatch(given) else defaults.origin_country
