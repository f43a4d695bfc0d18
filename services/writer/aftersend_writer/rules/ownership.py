"""Ownership of a text field of Afterbuy: whether the values in it are ours or a person's edit.

Values are joined by ", ". A field is ours if it is empty, if every value in it belongs to a parcel of the order, or
if it begins with what we wrote last (compared by its keyed mark) and goes on with such values: a crash between the
write and the update of the ledger leaves it so. Anything else is a person's edit.

Numbers and links may hold blanks and commas themselves, so a field cannot be cut into values by looking at it alone.
It is divided into pieces at every blank or comma, and a run of pieces is a value if it is known as one, in clear or by
its keyed mark, because what we know in clear expires. Some answers of Afterbuy may carry entities twice (``&amp;`` in a
link), so a text and its unescaped form count as the same.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from html import unescape
from typing import Final

SEPARATOR: Final = ", "
_START: Final = re.compile(r"(?:^|(?<=[,\s]))(?=\S)")
_END: Final = re.compile(r"(?<=\S)(?=[,\s]|\Z)")
_BETWEEN: Final = re.compile(r"[,\s]+")
_MAX_PIECES: Final = 64
"""Longest run of pieces that is tried as a value that only its mark is known of: a person's note may be long."""

Mac = Callable[[str], str]


def joined(values: Iterable[str]) -> str:
    """Join values as a field shows them, each once."""
    return SEPARATOR.join(dict.fromkeys(value for value in values if value))


def is_same(read: str, wanted: str) -> bool:
    """Return whether the field shows the wanted text."""
    return read == wanted or wanted in _forms(read)


def candidates(text: str) -> Iterator[str]:
    """All runs of pieces of a text, any of which may be a value."""
    for form in _forms(text):
        ends = _ends(form)
        for start in _starts(form):
            first = bisect_right(ends, start)
            yield from (form[start:end] for end in ends[first : first + _MAX_PIECES])


@dataclass(frozen=True, slots=True)
class OwnText:
    """A text of ours: first what we wrote last, whatever it held, then known values."""

    opaque: str = ""
    values: tuple[str, ...] = ()

    def extended(self, values: Iterable[str]) -> str:
        """The text with the values appended that it does not show yet."""
        return joined([self.opaque, *self.values, *(value for value in values if not self._shows(value))])

    def _shows(self, value: str) -> bool:
        return f"{SEPARATOR}{value}{SEPARATOR}" in f"{SEPARATOR}{self.opaque}{SEPARATOR}"


@dataclass(frozen=True, slots=True)
class FieldOwnership:
    """What makes a text ours: values of the order's parcels in clear, their marks, and the function of the marks."""

    values: Collection[str]
    marks: Collection[str]
    mac: Mac

    def owns(self, text: str, *, written: str | None) -> bool:
        """Return whether the text is empty, made of our values only, or begins with what we wrote last."""
        return not text or text in self.values or self.read(text, written=written) is not None

    def read(self, text: str, *, written: str | None) -> OwnText | None:
        """Divide a text of ours into its values, None if it is a person's; ``written`` marks what we wrote last."""
        readings = (self._read(form, written) for form in _forms(text))
        return next((reading for reading in readings if reading is not None), None)

    def _read(self, text: str, written: str | None) -> OwnText | None:
        for head, tail in _heads(text) if written else ():
            if self.mac(head) == written and (values := self._divide(tail)) is not None:
                return OwnText(head, values)
        values = self._divide(text)
        return None if values is None else OwnText(values=values)

    def _divide(self, text: str) -> tuple[str, ...] | None:
        """The text as a sequence of known values, None if it is none."""
        starts, ends = _starts(text), _ends(text)
        ways: dict[int, tuple[str, ...]] = dict.fromkeys(_next_places(text, starts, -1), ())
        for start in starts:  # in ascending order, so every way to this place is known by now
            for end in ends[bisect_right(ends, start) :] if start in ways else ():
                value = self._known(text[start:end])
                if value is not None:
                    for place in _next_places(text, starts, end):
                        ways.setdefault(place, (*ways[start], value))
        return ways.get(len(text))

    def _known(self, candidate: str) -> str | None:
        """The value in a run of pieces, however wide its blanks are shown."""
        forms = dict.fromkeys((candidate, " ".join(candidate.split())))
        return next((form for form in forms if form in self.values or self.mac(form) in self.marks), None)


def _forms(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((text, unescape(text)))) if "&" in text else (text,)


def _starts(text: str) -> list[int]:
    return [found.start() for found in _START.finditer(text)]


def _ends(text: str) -> list[int]:
    return [found.start() for found in _END.finditer(text)]


def _next_places(text: str, starts: list[int], end: int) -> list[int]:
    """Where the next value may begin behind a value that ends at ``end`` (-1: at the very front), or the text's end."""
    here = max(end, 0)
    between = _BETWEEN.match(text, here)
    last = between.end() if between else here
    places = starts[bisect_right(starts, end) : bisect_right(starts, last)]
    return [*places, len(text)] if last == len(text) else places


def _heads(text: str) -> Iterator[tuple[str, str]]:
    """The whole text and what could follow it, then every beginning that ends at a separator and its rest."""
    yield text, ""
    for found in re.finditer(SEPARATOR, text):
        yield text[: found.start()], text[found.end() :]
