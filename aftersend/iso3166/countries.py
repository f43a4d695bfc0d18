"""Country codes from codes of two or three letters and from names in English and German."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

from aftersend.iso3166.folding import certain, folded

_ALIASES: Final = {
    "england": "GB",
    "great britain": "GB",
    "grossbritannien": "GB",
    "holland": "NL",
    "hongkong": "HK",
    "kosovo": "XK",
    "macau": "MO",
    "nordkorea": "KP",
    "north korea": "KP",
    "prc": "CN",
    "russia": "RU",
    "russland": "RU",
    "schottland": "GB",
    "scotland": "GB",
    "south korea": "KR",
    "sudkorea": "KR",
    "turkey": "TR",
    "vr china": "CN",
    "wales": "GB",
    "weissrussland": "BY",
    "xk": "XK",
}
"""Folded names that people use and the standard does not."""
_PREFIXES: Final = ("made in ", "hergestellt in ")


def country_code(text: str) -> str:
    """ISO 3166-1 alpha-2, or an empty text if it is not certain which country is meant."""
    return certain(text, _known)


def _known(name: str) -> str:
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return _codes().get(name, "")


@cache
def _codes() -> dict[str, str]:
    """Map folded alpha-2, alpha-3 and names to codes; names that two countries share are left out."""
    table = json.loads(Path(__file__).with_name("countries.json").read_text(encoding="utf-8"))
    names = [(folded(name), code) for code, (_, *known) in table.items() for name in _with_short_names(known)]
    count = Counter(name for name, _ in set(names))
    exact = {folded(each): code for code, (alpha3, *_) in table.items() for each in (code, alpha3)}
    return {name: code for name, code in names if count[name] == 1} | _ALIASES | exact


def _with_short_names(names: list[str]) -> set[str]:
    """Add short names: ``Bolivia, Plurinational State of`` is called Bolivia, too."""
    return {*names, *(name.partition(",")[0] for name in names)}
