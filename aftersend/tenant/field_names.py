"""The field names that a model knows, in the spelling of its documents.

A document may hold a value where a name belongs. So a name is repeated in an error only if it is, or
nearly is, one of ours.
"""

from collections.abc import Iterator
from typing import Any, get_args

import msgspec


def field_names(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Return the names in a struct and in all structs within it."""
    return frozenset(_names(kind))


def _names(kind: Any) -> Iterator[str]:  # noqa: ANN401 - any annotation
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            yield field.encode_name
            yield from _names(field.type)
    else:
        for inner in get_args(kind):
            yield from _names(inner)
