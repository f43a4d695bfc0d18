"""What to send instead of an order that Sendcloud refuses for a reason its documentation leaves open.

Two points could not be verified: whether Sendcloud takes currencies beyond EUR, GBP and USD, and whether some countries
require a separate house number. Neither may block an order. So an order is first sent as the merchant has it; if
Sendcloud refuses it for such a reason, it is sent once more in the account's currency, or with its street split.
"""

import re
from collections.abc import Callable

from msgspec.structs import replace

from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.rules.items import DOCUMENTED_CURRENCIES

_WITH_NUMBER = re.compile(r"(?P<street>.*\D)[\s,]+(?P<number>\d+\s?[a-zA-Z]?(?:\s?[-/+]\s?\d+\s?[a-zA-Z]?)?)")


def fallback_order(push: PushOrder, path: str, *, in_account_currency: Callable[[], PushOrder]) -> PushOrder | None:
    """Return what to send instead of what was refused at ``path``; None if there is nothing better."""
    if path.endswith("house_number"):
        return _divided(push)
    if push.payment_details.total_price.currency not in DOCUMENTED_CURRENCIES and path.endswith(
        ("currency", "refused")
    ):
        return in_account_currency()
    return None


def _divided(push: PushOrder) -> PushOrder | None:
    """Split street and house number; None if the street does not end in a number."""
    address = push.shipping_address
    found = _WITH_NUMBER.fullmatch(address.address_line_1)
    if found is None:
        return None
    street, number = found["street"].rstrip(" ,"), found["number"]
    return replace(push, shipping_address=replace(address, address_line_1=street, house_number=number))
