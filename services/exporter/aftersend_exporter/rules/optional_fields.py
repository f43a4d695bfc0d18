"""Fields that an order can go without: one that Sendcloud refuses is left out rather than keep the order back.

Only what no parcel needs stands here: nothing that changes how it is sent (weight, cash on delivery, shipping method),
and no line that an address must have. Paths are Sendcloud's, such as ``order_details/order_items/2/hs_code``; without
the position it is the field of every article. Whether Sendcloud wants a service point's id beside the Postnummer is
not verified, and no order holds one: refused at any of its paths, ``service_point_details`` is left out as a whole.
So are the tax numbers of one side.
"""

from typing import Any, Final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from aftersend.sendcloud.model import PushOrder, TaxNumbers

_OPTIONAL: Final = frozenset(
    {
        *("email", "phone_number", "company_name", "address_line_2", "state_province_code"),
        *("hs_code", "country_of_origin", "ean", "sku", "item_id", "product_id"),
    }
)
_SERVICE_POINT: Final = "service_point_details"
_TAX_NUMBERS: Final = ["customs_details", "tax_numbers"]
_CONTACTS: Final = frozenset({"email", "phone_number"})
"""The same value stands at the address and at the buyer."""


def plain_path(path: str) -> str:
    """Return the path with positions as bare numbers."""
    return path.replace("[", "").replace("]", "")


def of_all_articles(path: str) -> str:
    """Return the path without positions."""
    return "/".join(part for part in path.split("/") if not part.isdecimal())


def without(push: PushOrder, path: str) -> PushOrder | None:
    """Return the order without the field; None if it has none there, or cannot go without."""
    names = path.split("/")
    if names[0] == _SERVICE_POINT:
        return replace(push, service_point_details=UNSET) if push.service_point_details else None
    if names[:2] == _TAX_NUMBERS:
        return _without_tax_numbers(push, names[2:3])
    if names[-1] not in _OPTIONAL:
        return None
    lighter = _removed(push, names)
    if names[-1] in _CONTACTS:
        for place in ("shipping_address", "customer_details"):
            lighter = _removed(lighter, [place, names[-1]])
    return lighter if lighter != push else None


def _without_tax_numbers(push: PushOrder, whose: list[str]) -> PushOrder | None:
    """Leave out all numbers of the sender or the receiver: which of them is refused may not be certain."""
    details = push.customs_details
    if details is UNSET or details.tax_numbers is UNSET:
        return None
    rest = _removed(details.tax_numbers, whose) if whose else TaxNumbers()
    if rest == details.tax_numbers:
        return None
    return replace(push, customs_details=replace(details, tax_numbers=UNSET if rest == TaxNumbers() else rest))


def _removed(value: Any, names: list[str]) -> Any:  # noqa: ANN401 - any part of an order
    """Return a part of an order without the field; the very same if it has none there."""
    name, *rest = names
    if isinstance(value, tuple):
        if not name.isdecimal():
            return tuple(_removed(each, names) for each in value)
        at = int(name)
        return tuple(_removed(each, rest) if rest and place == at else each for place, each in enumerate(value))
    if not isinstance(value, msgspec.Struct) or name not in value.__struct_fields__:
        return value
    inner = _removed(getattr(value, name), rest) if rest else UNSET
    return replace(value, **{name: inner})
