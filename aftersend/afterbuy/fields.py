"""Fields of one element, as the mappings read them: texts, what an order needs, what it can do without.

Texts: Afterbuy's documentation says that ``> < " ' &`` arrive as HTML entities; whether that means
twice escaped is unverified. So an entity that is left after XML parsing (``&amp;``, ``&quot;``, ``&#228;``) is decoded
once more. Only entities with a semicolon count: ``?a=1&copy=2`` in a link stays what it is.
"""

import html
import re
from collections.abc import Callable
from typing import Final, TypeVar

from aftersend.afterbuy.numbers import Unreadable
from aftersend.afterbuy.records import Element
from aftersend.afterbuy.repair import without_forbidden

_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,30}|#[0-9]{1,12}|#[xX][0-9A-Fa-f]{1,12});")
_REPLACEMENT: Final = "\ufffd"
"""What ``html`` returns for a number that is no character."""
_T = TypeVar("_T")


class UnreadableField(Exception):  # noqa: N818 - a domain word
    """Carries the path of a field without which there is no order."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


def plain(text: str) -> str:
    """Decode entities that XML parsing left over; characters that are none are left out."""
    return _ENTITY.sub(_decoded, text).strip() if "&" in text else text


def text_of(element: Element, path: str) -> str:
    """Return the text at that path, decoded."""
    return plain(element.text(path))


def known(number: str) -> str:
    """Return the number, or an empty text for 0, which stands for an absent one."""
    return "" if number == "0" else number


def needed(element: Element, path: str, read: Callable[[str], _T], *, within: str = "") -> _T:
    """Parse the text at that path, or raise its path, which begins with ``within``."""
    try:
        return read(element.text(path))
    except Unreadable:
        raise UnreadableField(within + path) from None


class OptionalFields:
    """Fields of one element that an order can do without: what is not understood is noted and left out."""

    def __init__(self, element: Element) -> None:
        self._element = element
        self.unclear: list[str] = []

    def get(self, path: str, read: Callable[[str], _T], default: _T) -> _T:
        """Parse the text at that path."""
        try:
            return read(self._element.text(path))
        except Unreadable:
            self.unclear.append(path)
            return default


def _decoded(entity: re.Match[str]) -> str:
    return without_forbidden(html.unescape(entity[0])).replace(_REPLACEMENT, "")
