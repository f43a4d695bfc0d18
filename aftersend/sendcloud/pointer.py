"""What may be told of a pointer in Sendcloud's refusals: our own field names and places in lists, nothing else.

A pointer such as ``/data/attributes/[3]/shipping_address/city`` should name a field of what was sent. But it comes from
outside, and whatever else stands in it may be a value. So only names pass that an order of ours can have.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, get_args

import msgspec

from aftersend.sendcloud.model import PushOrder

_POINTER: Final = re.compile(r"^/data(?:/attributes)?/\[?([0-9]{1,3})\]?(?:/(.*))?$", re.DOTALL)
_PLACE: Final = re.compile(r"\[?[0-9]{1,3}\]?")


def place_and_path(pointer: str) -> tuple[int, str] | None:
    """The position in the batch and the path of the field; None if the pointer names no order."""
    match = _POINTER.match(pointer)
    if match is None:
        return None
    return int(match[1]), "/".join(part for part in (match[2] or "").split("/") if _is_ours(part))


def _is_ours(part: str) -> bool:
    return part in _NAMES or _PLACE.fullmatch(part) is not None


def _names(kind: Any) -> Iterator[str]:  # noqa: ANN401 - any annotation
    """The field names of a struct and of all structs in it."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from _names(field.type)
    else:
        for inner in get_args(kind):
            yield from _names(inner)


_NAMES: Final = frozenset(_names(PushOrder))
