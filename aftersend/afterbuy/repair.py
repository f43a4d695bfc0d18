"""Repair of one record that is no well-formed XML: people's texts that were put into it as they are.

    U+0000 … U+001F, U+FFFF, half of a surrogate pair, bytes that are no text     left out
    &#0;  &#x1F;  &#55357;                                                        left out, in attributes, too
    &nbsp;  &auml;                                                                the character
    &  &foo;  <3  < 5  ]]>                                                        escaped: they are text
    <b>  </b>  <Ring>                                                             escaped, unless each has its partner
    <o:p></o:p>                                                                   its prefix is declared

What a text meant is never guessed beyond that: if the record is still not well-formed, it stays unreadable.
"""

import html
import re
import sys
from collections import Counter
from functools import partial
from typing import Final

_FORBIDDEN: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_TAG: Final = r"<(/?)([A-Za-z_][\w:.-]*)(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<]*\"|'[^'<]*'))*\s*(/?)>"
_REFERENCE: Final = re.compile(r"&(?:#(x[0-9a-f]+|[0-9]+)|([a-z][a-z0-9]*));|&", re.IGNORECASE)
_TOKEN: Final = re.compile(rf"{_TAG}|{_REFERENCE.pattern}|\]\]>|<", re.IGNORECASE)
_PREFIX: Final = re.compile(r"[<\s/]([A-Za-z_][\w.-]*):[A-Za-z_]")
_LONGEST_CODE: Final = 7
_PREDEFINED: Final = frozenset({"amp", "lt", "gt", "quot", "apos"})
_CDATA: Final = "<![CDATA["
_escape: Final = partial(html.escape, quote=False)


def repair(text: str, *, record: str) -> str:
    """Escape or leave out what XML forbids; ``record`` is the name of the outermost element."""
    parts = _without_cdata(without_forbidden(text))
    unpaired = _unpaired("".join(part for part, is_cdata in parts if not is_cdata), record)
    return "".join(part if is_cdata else _repaired(part, unpaired) for part, is_cdata in parts)


def without_forbidden(text: str) -> str:
    """Leave out the characters that XML forbids."""
    return _FORBIDDEN.sub("", text)


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
        if match[2]:
            return _escape(match[0]) if match[2] in unpaired else _REFERENCE.sub(_referenced, match[0])
        return _REFERENCE.sub(_referenced, match[0]) if match[0].startswith("&") else _escape(match[0])

    return _TOKEN.sub(token, text)


def _referenced(match: re.Match[str]) -> str:
    """Return what a reference, or a bare ``&``, is to be in XML."""
    number, name = match.groups()
    if number:
        return _code_point(number.lower())
    if name:
        return match[0] if name in _PREDEFINED else _character(match[0])
    return _escape(match[0])


def _code_point(number: str) -> str:
    """Return the reference to a character by its number, or nothing if XML forbids it."""
    digits = number.removeprefix("x").lstrip("0")
    code = int(digits or "0", 16 if number.startswith("x") else 10) if len(digits) <= _LONGEST_CODE else sys.maxsize
    return f"&#{code};" if code <= sys.maxunicode and not _FORBIDDEN.match(chr(code)) else ""


def _character(entity: str) -> str:
    """Return the character of an entity that HTML knows; one that it does not know is text."""
    return _escape(html.unescape(entity))


def prefixes(text: str) -> frozenset[str]:
    """Return the namespace prefixes that names in this text may have: Word's ``<o:p>`` brings no declaration."""
    return frozenset(_PREFIX.findall(text)) - {"xml", "xmlns"}
