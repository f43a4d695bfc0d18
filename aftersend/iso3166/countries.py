"""Country codes from codes of two or three letters and from names in English, German and the country's languages."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Final

from aftersend.iso3166.folding import certain, folded, spellings

_ALIASES: Final = {
    "AE": ("Dubai", "UAE", "VAE"),
    "AX": ("Åland",),
    "BA": ("Bosnia", "Bosnien"),
    "BY": ("Weißrussland",),
    "CD": ("DR Congo", "DR Kongo"),
    "CI": ("Elfenbeinküste", "Ivory Coast"),
    "CN": (
        *("China VR", "Festlandchina", "Mainland China", "Peoples Republic of China", "PR China", "PR of China", "PRC"),
        *("Volksrep. China", "VR China", "VRC"),
    ),
    "CV": ("Cape Verde",),
    "CZ": ("Tschechei",),
    "DE": ("BRD",),
    "DO": ("Dom. Rep.",),
    "ES": ("Canary Islands", "Kanaren", "Kanarische Inseln"),
    "FO": ("Färöer",),
    "GB": (
        *("England", "Great Britain", "Großbritannien", "Northern Ireland", "Nordirland", "Schottland", "Scotland"),
        *("U.K.", "Wales"),
    ),
    "GR": ("Hellas",),
    "HK": ("Hong Kong China", "Hong Kong SAR", "Hongkong", "Hongkong China"),
    "IE": ("Republic of Ireland", "Republik Irland"),
    "KP": ("Nordkorea", "North Korea"),
    "KR": ("Korea South", "Korea Süd", "Republic of Korea", "Republik Korea", "S. Korea", "South Korea", "Süd-Korea"),
    "LV": ("Latvija",),
    "MD": ("Moldawien",),
    "MK": ("Macedonia", "Mazedonien"),
    "MM": ("Birma", "Burma"),
    "MO": ("Macao", "Macau", "Macau China"),
    "NL": ("Holland",),
    "RE": ("La Réunion",),
    "RU": ("Russia", "Russland"),
    "SX": ("Sint Maarten",),
    "SZ": ("Swasiland", "Swaziland"),
    "TL": ("Osttimor",),
    "TR": ("Turkey",),
    "TW": ("Republic of China", "Republik China", "ROC", "Taiwan R.O.C."),
    "VA": ("Vatican", "Vatikan", "Vatikanstadt"),
    "XK": ("Kosovo", "XK", "XKX"),
}
"""Names that people use and the standard does not."""
_UNCERTAIN: Final = frozenset({"congo", "kongo", "korea"})
_PREFIXES: Final = (
    *("made in ", "hergestellt in ", "produced in ", "produziert in ", "product of "),
    *("country of origin ", "origin ", "ursprungsland ", "ursprung ", "herkunftsland ", "herkunft "),
)


def country_code(text: str) -> str:
    """ISO 3166-1 alpha-2, or an empty text if it is not certain which country is meant."""
    return certain(text, countries_named)


def countries_named(name: str) -> frozenset[str]:
    """Return the country of a folded code or name, or nothing."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return _codes().get(name, frozenset())


@cache
def _codes() -> dict[str, frozenset[str]]:
    """Map folded alpha-2, alpha-3 and names to codes; names that two countries share are left out."""
    table = json.loads(Path(__file__).with_name("countries.json").read_text(encoding="utf-8"))
    names = {(name, code) for code, (_, *known) in table.items() for name in _all_spellings(known)}
    count = Counter(name for name, _ in names)
    unique = {name: code for name, code in names if count[name] == 1 and name not in _UNCERTAIN}
    aliases = {spelled: code for code, known in _ALIASES.items() for name in known for spelled in spellings(name)}
    exact = {folded(each): code for code, (alpha3, *_) in table.items() for each in (code, alpha3)}
    return {name: frozenset({code}) for name, code in (unique | aliases | exact).items()}


def _all_spellings(names: list[str]) -> set[str]:
    """Add short names: ``Bolivia, Plurinational State of`` is called Bolivia, too."""
    return {spelled for name in names for short in (name, name.partition(",")[0]) for spelled in spellings(short)}
