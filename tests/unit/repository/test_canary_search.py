"""The search of the canary test must find what it looks for, or its silence would prove nothing."""

import base64
import json
import zlib
from itertools import permutations
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.canary.marks import MARKS
from tests.support.canary.search import search

_NOISE = st.binary(max_size=40)
_WORDS = st.sampled_from(sorted(MARKS))
_WAYS = {
    "plain": lambda word: word.encode(),
    "lower": lambda word: word.lower().encode(),
    "upper": lambda word: word.upper().encode(),
    "reversed": lambda word: word[::-1].encode(),
    "reversed bytes": lambda word: word.encode()[::-1],
    "latin-1": lambda word: word.encode("latin-1"),
    "utf-16-le": lambda word: word.encode("utf-16-le"),
    "utf-16-be": lambda word: word.encode("utf-16-be"),
    "utf-16 reversed": lambda word: word.encode("utf-16-le")[::-1],
    "hex": lambda word: word.encode().hex().encode(),
    "HEX": lambda word: word.encode().hex().upper().encode(),
    "json": lambda word: json.dumps(word).strip('"').encode(),
    "json, upper digits": lambda word: "".join(f"\\u{ord(c):04X}" for c in word).encode(),
    "repr of bytes": lambda word: repr(word.encode())[2:-1].encode(),
    "ascii": lambda word: ascii(word)[1:-1].encode(),
    "url": lambda word: quote(word).encode(),
    "url, all escaped": lambda word: quote(word, safe="").encode(),
    "form": lambda word: quote_plus(word).encode(),
    "xml": lambda word: escape(word).encode("ascii", "xmlcharrefreplace"),
}


@pytest.mark.parametrize("way", _WAYS)
def test_every_mark_is_found_in_every_spelling(way: str) -> None:
    words = {name: word for name, word in MARKS.items() if not name.startswith("raw")}
    places = {name: b"before " + _WAYS[way](word) + b" after" for name, word in words.items()}
    assert [(found.place, found.name) for found in search(places, words)] == [(name, name) for name in words]


@pytest.mark.parametrize("name", ["data key", "fingerprint"])
def test_the_bytes_of_a_key_are_found_as_they_are_in_base64_and_in_hex(name: str) -> None:
    raw = base64.b64decode(MARKS[name])
    for planted in (raw, base64.b64encode(raw), raw.hex().encode(), repr(raw).encode()):
        assert f"raw {name}" in {found.name for found in search({"here": planted}, MARKS)}


@given(_WORDS, _NOISE, _NOISE, st.booleans())
def test_base64_is_found_wherever_the_word_begins(name: str, before: bytes, after: bytes, url_safe: bool) -> None:  # noqa: FBT001
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    assert name in {found.name for found in search({"here": encode(before + MARKS[name].encode() + after)}, MARKS)}


@given(_NOISE)
def test_noise_is_no_mark(noise: bytes) -> None:
    assert search({"raw": noise, "base64": base64.b64encode(noise), "hex": noise.hex().encode()}, MARKS) == []


def test_what_is_packed_is_not_found_so_nothing_searched_may_be_packed() -> None:
    assert search({"here": zlib.compress(MARKS["city"].encode() * 9)}, MARKS) == []


def test_no_mark_is_part_of_another() -> None:
    assert not [pair for pair in permutations(MARKS.values(), 2) if pair[0].lower() in pair[1].lower()]
