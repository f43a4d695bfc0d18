"""What to send instead of an order that Sendcloud refuses for a reason its documentation leaves open.

Two points could not be verified: whether Sendcloud takes currencies beyond EUR, GBP and USD, and whether some countries
require a separate house number. Neither may block an order. So an order is first sent as the merchant has it; if
Sendcloud refuses it for such a reason, it is sent once more in the account's currency, or with its street split.
"""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.rules.addresses import cut
from aftersend_exporter.rules.items import DOCUMENTED_CURRENCIES


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
    """Divide street and house number; None if it is not certain which is which, or they are divided already."""
    from aftersend_exporter.rules.house_numbers import divide  # noqa: PLC0415 - its patterns are large, and rarely needed

    address = push.shipping_address
    if address.house_number is not UNSET:
        return None
    found = divide(address.address_line_1, address.address_line_2 or "", country=address.country_code)
    if found is None:
        return None
    lines = {"address_line_1": cut(found.street), "address_line_2": cut(found.second_line) or UNSET}
    return replace(push, shipping_address=replace(address, **lines, house_number=found.number))
