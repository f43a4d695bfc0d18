"""The sender's tax numbers on customs papers: which of them are true for a parcel.

================================  =====================================================================
number                            declared
================================  =====================================================================
EORI, VAT of a member state       on every parcel with papers: it says who exports
number of another country         to that country only: who pays the tax there
VOEC (Sendcloud calls it VAT)     to Norway, if no article costs more than its limit
IOSS                              into the EU, never on a parcel that leaves it
================================  =====================================================================

Where a marketplace pays the tax of the destination, its number is declared, and none of the merchant's own there.
"""

from typing import Final

from aftersend.afterbuy.model import Order
from aftersend.sendcloud.model import PushOrder, TaxNumber
from aftersend.tenant.document import Customs
from aftersend.tenant.tax_numbers import MEMBER_STATES, OwnTaxNumber
from aftersend_exporter.rules.country_papers import SAME_BORDER, VOEC_LIMITS
from aftersend_exporter.rules.marketplace_numbers import is_taxed_by_marketplace, marketplace_number
from aftersend_exporter.rules.territories import needs_customs

_SENT_AS: Final = {"VOEC": "VAT"}


def sender_numbers(push: PushOrder, order: Order, *, rules: Customs) -> tuple[TaxNumber, ...]:
    """Return what the sender declares, one number of a kind and country, in the order of the document."""
    marketplace = marketplace_number(order)
    own = [number for number in rules.tax_numbers if _is_true(number, push, taxed=is_taxed_by_marketplace(order))]
    own.sort(key=lambda number: number.name != "VOEC")
    found = {(marketplace.name, marketplace.country_code): marketplace} if marketplace else {}
    for number in own:
        name = _SENT_AS.get(number.name, number.name)
        declared = TaxNumber(name=name, country_code=number.country, value=number.number)
        found.setdefault((name, number.country), declared)
    return tuple(found.values())


def lacks_marketplace_number(order: Order, *, country: str) -> bool:
    """Return whether the marketplace pays Norway's tax, and its number is absent or not understood."""
    return country == "NO" and is_taxed_by_marketplace(order) and marketplace_number(order) is None


def _is_true(number: OwnTaxNumber, push: PushOrder, *, taxed: bool) -> bool:
    address = push.shipping_address
    if number.name == "IOSS":
        leaves = needs_customs(country=address.country_code, postal_code=address.postal_code)
        return not leaves and not taxed
    if number.country in MEMBER_STATES:
        return True
    if taxed or address.country_code not in SAME_BORDER.get(number.country, {number.country}):
        return False
    return number.name != "VOEC" or _is_within_voec(push)


def _is_within_voec(push: PushOrder) -> bool:
    prices = (item.unit_price for item in push.order_details.order_items)
    return all(price and price.value <= VOEC_LIMITS.get(price.currency, 0) for price in prices)
