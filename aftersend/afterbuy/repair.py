"""Repair of one record that is no well-formed XML: people's texts that were put into it as they are.

    U+0000 … U+001F, U+FFFF, half of a surrogate pair, bytes that are no text     left out
    &#0;  &#x1F;  &#55357;                                                        left out
    &nbsp;  &auml;                                                                the character
    &  &foo;  <3  < 5  ]]>                                                        escaped: they are text
    <b>  </b>  <Ring>                                                             escaped, unless each has its partner

What a text meant is never guessed beyond that: if the record is still not well-formed, it stays unreadable.
"""

import html
import re
import sys
from collections import Counter
from typing import Final
from xml.sax.saxutils import escape

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TAG: Final = r"<(/?)([A-Za-z_][\w:.-]*)(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*\s*(/?)>"
_TOKEN: Final = re.compile(
    rf"{_TAG}|&(?:\#(x[0-9a-f]{{1,8}}|[0-9]{{1,10}})|([a-z][a-z0-9]*));|\]\]>|[&<]", re.IGNORECASE
)
_PREDEFINED: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_CDATA: Final = "<![CDATA["


def repair(text: str, *, record: str) -> str:
    """Escape or leave out what XML forbids; ``record`` is the name of the outermost element."""
    parts = _without_cdata(_FORBIDDEN.sub("", text))
    unpaired = _unpaired("".join(part for part, is_cdata in parts if not is_cdata), record)
    return "".join(part if is_cdata else _repaired(part, unpaired) for part, is_cdata in parts)


def _without_cdata(text: str) -> list[tuple[str, bool]]:
    """Return the text in parts, each with whether it is a CDATA section; one that does not end is text."""
    parts, position = [], 0
    while (start := text.find(_CDATA, position)) >= 0 and (end := text.find("]]>", start)) >= 0:
        parts += [(text[position:start], False), (text[start : end + 3], True)]
        position = end + 3
    return [*parts, (text[position:], False)]


def _unpaired(text: str, record: str) -> frozenset[str]:
    """Names of tags that are opened more or less often than closed."""
    balance: Counter[str] = Counter()
    for closing, name, empty in re.findall(_TAG, text):
        balance[name] += 0 if empty else (-1 if closing else 1)
    return frozenset(name for name, rest in balance.items() if rest and name.lower() != record.lower())


def _repaired(text: str, unpaired: frozenset[str]) -> str:
    def token(match: re.Match[str]) -> str:
        _, tag, _, number, name = match.groups()
        if tag:
            return escape(match[0]) if tag in unpaired else match[0]
        if number:
            return match[0] if _is_allowed(number) else ""
        if name:
            return match[0] if name in _PREDEFINED else _character(match[0])
        return escape(match[0])

    return _TOKEN.sub(token, text)


def _is_allowed(number: str) -> bool:
    code = int(number[1:], 16) if number.startswith("x") else int(number)
    return code <= sys.maxunicode and not _FORBIDDEN.match(chr(code))


def _character(entity: str) -> str:
    """Return the character of an entity that HTML knows; one that it does not know is text."""
    return escape(html.unescape(entity))
