"""Ownership of a text field of Afterbuy: whether the values in it are ours or a person's edit.

Values are joined by ", ". A field is ours if it is empty, if every value in it belongs to a parcel of the order, or
if it is what we wrote last (compared by its keyed mark). Anything else is a person's edit.

Values are recognised in clear or by their keyed marks, because what we know in clear expires. Some answers of
Afterbuy may carry entities twice (``&amp;`` in a link), so a text and its unescaped form count as the same.
"""

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from html import unescape

SEPARATOR = ", "
_BETWEEN = re.compile(r"[,\s]+")

Mac = Callable[[str], str]


def values_in(text: str) -> list[str]:
    """Split a field into its values, at any white space or commas."""
    return [value for value in _BETWEEN.split(text) if value]


def joined(values: Iterable[str]) -> str:
    """Join values as a field shows them, each once."""
    return SEPARATOR.join(dict.fromkeys(value for value in values if value))


def is_same(read: str, wanted: str) -> bool:
    """True if the field shows the wanted text."""
    return wanted in (read, unescape(read))


@dataclass(frozen=True, slots=True)
class FieldOwnership:
    """What makes a text ours: values of the order's parcels in clear, their marks, and the function of the marks."""

    values: Collection[str]
    marks: Collection[str]
    mac: Mac

    def owns(self, text: str, *, written: str | None) -> bool:
        """True if the text is empty, made of our values only, or what we wrote last (``written`` is its mark)."""
        return any(self._is_ours(form, written) for form in (text, unescape(text)))

    def _is_ours(self, text: str, written: str | None) -> bool:
        return self.mac(text) == written or all(self._is_known(value) for value in values_in(text))

    def _is_known(self, value: str) -> bool:
        return value in self.values or self.mac(value) in self.marks
