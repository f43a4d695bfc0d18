"""The number under which a marketplace pays the buyer's tax: VOEC into Norway, IOSS into the EU.

Afterbuy shows it at each item (PlatformTaxReference), where the marketplace names it. Where it has collected the tax
(TaxCollectedBy), the merchant's own number would be false.

=============================================  ====================================
the shipped items                              number
=============================================  ====================================
all name the same one                          the marketplace's
some name another one, or none                 unknown: none is declared
none names one, and no tax was collected       the merchant's own, if he has one
=============================================  ====================================
"""

import re
from typing import Final

from aftersend.afterbuy.model import Order
from aftersend.sendcloud.model import TaxNumber
from aftersend.tenant.tax_numbers import IOSS_COUNTRIES, MEMBER_STATES
from aftersend_exporter.rules.addresses import destination
from aftersend_exporter.rules.items import shipped_items
from aftersend_exporter.rules.territories import needs_customs

_JOINED: Final = re.compile(r"[\s.:/_-]+")
_VOEC: Final = re.compile(r"(?:VOEC)?(?:NO)?(\d{7})", re.ASCII)
_IOSS: Final = re.compile(r"(?:IOSS)?(IM(\d{3})\d{7})", re.ASCII)


def is_taxed_by_marketplace(order: Order) -> bool:
    """Return whether the marketplace pays the tax of any shipped item."""
    return any(item.tax_reference or item.is_tax_collected for item in shipped_items(order))


def marketplace_number(order: Order) -> TaxNumber | None:
    """Return the one number that all shipped items name for their destination; None if there is none, or several."""
    references = {item.tax_reference for item in shipped_items(order)}
    if not any(references):
        return None
    country = _taxed_in(order)
    found = {_number(reference, country=country) for reference in references}
    return found.pop() if len(found) == 1 else None


def enters_the_union(order: Order) -> bool:
    """Return whether goods come into the EU from outside: the marketplace says so by its IOSS number."""
    number = marketplace_number(order)
    return number is not None and number.name == "IOSS"


def _taxed_in(order: Order) -> str:
    """Return the country of the destination; empty for a place in a member state that is outside its tax area."""
    to = destination(order)
    if to is None or (to.country in MEMBER_STATES and needs_customs(country=to.country, postal_code=to.postal_code)):
        return ""
    return to.country


def _number(reference: str, *, country: str) -> TaxNumber | None:
    plain = _JOINED.sub("", reference.upper())
    if country == "NO" and (voec := _VOEC.fullmatch(plain)):
        return TaxNumber(name="VAT", country_code="NO", value=voec[1])
    if country in MEMBER_STATES and (ioss := _IOSS.fullmatch(plain)) and ioss[2] in IOSS_COUNTRIES:
        return TaxNumber(name="IOSS", country_code=IOSS_COUNTRIES[ioss[2]], value=ioss[1])
    return None
