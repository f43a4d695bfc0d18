"""Spellings of one name that mean the same: letter case, accents, hyphens and the dots of initials do not matter.

A text may also say the same thing twice: ``NY - New York``, ``Roma (RM)``, ``CN/China``. It is certain if everything in
it that is known means one and the same.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from typing import Final

_SEPARATORS: Final = (re.compile(r"[()\[\],;/]|\s[-–—]\s"), re.compile(r"[-–—]"))
_INITIALS: Final = re.compile(r"\b(\w)\.\s*")


def folded(text: str) -> str:
    """Lower case without accents, initials joined; one blank for everything else that is no letter or digit."""
    decomposed = unicodedata.normalize("NFKD", _INITIALS.sub(r"\1", text).casefold())
    plain = "".join(char for char in decomposed if not unicodedata.combining(char))
    return " ".join("".join(char if char.isalnum() else " " for char in plain).split())


def certain(text: str, known: Callable[[str], str]) -> str:
    """Look up the text as a whole, else its parts if they do not contradict; return an empty text if unknown."""
    for parts in _readings(text):
        meanings = {meaning for part in parts if part and (meaning := known(part))}
        if meanings:
            return meanings.pop() if len(meanings) == 1 else ""
    return ""


def _readings(text: str) -> Iterator[list[str]]:
    yield [folded(text)]
    for separator in _SEPARATORS:
        yield [folded(part) for part in separator.split(text)]
