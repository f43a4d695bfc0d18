"""Finding a word again, however it was spelled on its way.

A word becomes: letters small or large, umlauts decomposed; bytes of UTF-8, Latin-1, UTF-16; the same read backwards;
what escaping for JSON, Python, XML, HTML or URLs makes of it; hexadecimal digits; base64, whose text depends on how
many bytes stand in front of the word, so there are three of each. ``search`` looks for all of them in named contents,
whatever their letter case, except base64, where case is meaning.
"""

import base64
import html
import json
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple
from urllib.parse import quote, quote_plus

_CODINGS = ("utf-8", "latin-1", "utf-16-le", "utf-16-be")
_HEAD = 8
"""Words have at least nine letters, so no spelling is shorter than this."""
_Index = dict[bytes, list[tuple[bytes, str, str]]]


class Leak(NamedTuple):
    """A word where it must not be."""

    place: str
    name: str
    spelling: str
    around: str


def search(places: Mapping[str, bytes], words: Mapping[str, str]) -> list[Leak]:
    """Every word in every place, each once."""
    indexes = _indexes(tuple(words.items()))
    found: dict[tuple[str, str], Leak] = {}
    for place, content in places.items():
        for text, index in zip((content.lower(), content), indexes, strict=True):
            for at, name, spelling in _matches(text, index):
                around = repr(content[max(at - 60, 0) : at + 120])
                found.setdefault((place, name), Leak(place, name, spelling, around))
    return list(found.values())


def _matches(text: bytes, index: _Index) -> Iterator[tuple[int, str, str]]:
    """One walk over the text, however many patterns there are."""
    for at in range(len(text) - _HEAD + 1):
        for pattern, name, spelling in index.get(text[at : at + _HEAD], ()):
            if text.startswith(pattern, at):
                yield at, name, spelling


@cache
def _indexes(words: tuple[tuple[str, str], ...]) -> tuple[_Index, _Index]:
    """Patterns by their first bytes: those to find in lower-cased content, and those to find as they are."""
    folded: _Index = {}
    exact: _Index = {}
    for name, word in words:
        for pattern, spelling in {raw.lower(): spelled for spelled, raw in _folded(word)}.items():
            folded.setdefault(pattern[:_HEAD], []).append((pattern, name, spelling))
        for pattern, spelling in {raw: spelled for spelled, raw in _exact(word)}.items():
            exact.setdefault(pattern[:_HEAD], []).append((pattern, name, spelling))
    return folded, exact


def _folded(word: str) -> Iterator[tuple[str, bytes]]:
    for variant in dict.fromkeys(_variants(word)):
        for name, raw in _bytes(variant):
            yield name, raw
            yield f"hex of {name}", raw.hex().encode()
        for name, text in _escaped(variant):
            yield name, text.encode()


def _exact(word: str) -> Iterator[tuple[str, bytes]]:
    for variant in dict.fromkeys(_variants(word)):
        for name, raw in _bytes(variant):
            for number, text in enumerate(_base64(raw)):
                yield f"base64 of {name}, {number} in front", text
                yield f"base64 for URLs of {name}, {number} in front", text.replace(b"+", b"-").replace(b"/", b"_")


def _variants(word: str) -> Iterator[str]:
    yield from (word, word.lower(), word.upper(), word.capitalize(), unicodedata.normalize("NFD", word))
    yield from (word[::-1], word[::-1].lower(), word[::-1].upper())


def _bytes(text: str) -> Iterator[tuple[str, bytes]]:
    for coding in _CODINGS:
        try:
            raw = text.encode(coding)
        except UnicodeEncodeError:
            continue
        yield coding, raw
        if not text.isascii():
            yield f"{coding} backwards", raw[::-1]


def _escaped(text: str) -> Iterator[tuple[str, str]]:
    yield "JSON escapes", "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in text)
    yield "JSON", json.dumps(text)[1:-1]
    yield "JSON, UTF-8", json.dumps(text, ensure_ascii=False)[1:-1]
    yield "Python", ascii(text)[1:-1]
    yield "all JSON escapes", "".join(f"\\u{ord(c):04x}" for c in text)
    yield "Python escapes", text.encode("unicode_escape").decode()
    yield "bytes literal", repr(text.encode())[2:-1]
    yield "bytes literal of Latin-1", repr(text.encode("latin-1", "replace"))[2:-1]
    yield "URL", quote(text, safe="")
    yield "URL form", quote_plus(text)
    yield "URL, everything", "".join(f"%{byte:02x}" for byte in text.encode())
    yield "HTML", html.escape(text)
    yield "XML references", text.encode("ascii", "xmlcharrefreplace").decode()
    yield "XML hex references", "".join(c if c.isascii() else f"&#x{ord(c):x};" for c in text)


def _base64(raw: bytes) -> Iterable[bytes]:
    """The part of the base64 text that depends on the word alone, by the number of bytes in front of it (mod 3)."""
    for before, skipped in enumerate((0, 2, 3)):
        whole = base64.b64encode(b"\0" * before + raw).rstrip(b"=")
        sure = len(whole) if (before + len(raw)) % 3 == 0 else len(whole) - 1
        yield whole[skipped:sure]
