"""Spellings of one name that mean the same: letter case, accents, umlauts, hyphens and the dots of initials.

A text may also say the same thing twice: ``NY - New York``, ``Roma (RM)``, ``CN/China``. It is certain if everything in
it that is known means one and the same.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

_SEPARATORS: Final = (re.compile(r"[()\[\],;/|+]|\s[-–—]\s"), re.compile(r"[-–—]"))
_INITIALS: Final = re.compile(r"\b(\w)\.\s*(?=\w\b)")
LONGEST: Final = 200
"""Characters; a longer text is no name."""
_FILLERS: Final = frozenset({"and", "e", "et", "the", "und"})
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})


def folded(text: str) -> str:
    """Lower case without accents, initials joined, "and" and "the" left out; one blank for all that is no letter."""
    decomposed = unicodedata.normalize("NFKD", _INITIALS.sub(r"\1", text).casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    words = "".join(char if char.isalnum() else " " for char in plain).split()
    return " ".join([word for word in words if word not in _FILLERS] or words)


def spellings(name: str) -> set[str]:
    """Return the folded name, with umlauts as one letter and as two."""
    return {folded(name), folded(name.casefold().translate(_UMLAUTS))}


def certain(text: str, meanings: Callable[[str], AbstractSet[str]], *, unknown_parts: bool = False) -> str:
    """Look up the text as a whole, else its parts; return the one meaning that all have, or an empty text.

    ``meanings`` gets folded texts. With ``unknown_parts`` a part without meaning does not count, such as a city.
    """
    for parts in _readings(text) if len(text) <= LONGEST else ():
        found = [meanings(part) for part in parts if part]
        known = [each for each in found if each]
        if known and (unknown_parts or len(known) == len(found)):
            common = frozenset(known[0]).intersection(*known)
            return next(iter(common)) if len(common) == 1 else ""
    return ""


def _readings(text: str) -> Iterator[list[str]]:
    yield [folded(text)]
    for separator in _SEPARATORS:
        yield [folded(part) for part in separator.split(text)]
