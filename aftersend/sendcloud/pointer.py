"""What may be told of a pointer in Sendcloud's refusals: our own field names and places in lists, nothing else.

A pointer such as ``/data/attributes/[3]/shipping_address/city`` should name a field of what was sent. But it comes from
outside, and whatever else stands in it may be a value. So only names pass that an order of ours can have.
"""

import re
from typing import Final

from aftersend.sendcloud.model import PushOrder
from aftersend.tenant.field_names import field_names

_POINTER: Final = re.compile(r"^/data(?:/attributes)?/\[?([0-9]{1,3})\]?(?:/(.*))?$", re.DOTALL)
_NAMES: Final = field_names(PushOrder)
_PLACE: Final = re.compile(r"\[?[0-9]{1,3}\]?")


def place_and_path(pointer: str) -> tuple[int, str] | None:
    """The position in the batch and the path of the field; None if the pointer names no order."""
    match = _POINTER.match(pointer)
    if match is None:
        return None
    return int(match[1]), "/".join(part for part in (match[2] or "").split("/") if _is_ours(part))


def _is_ours(part: str) -> bool:
    return part in _NAMES or _PLACE.fullmatch(part) is not None
