"""State and province codes (ISO 3166-2) of the countries whose labels need one: US, CA, AU, IT.

Afterbuy's field is free text: ``NY``, ``us-ny``, ``N.Y.``, ``New York`` and ``NY - New York`` occur. Only what is
certain gets a code.
"""

import json
from functools import cache
from pathlib import Path
from typing import Final

from aftersend.iso3166.folding import certain, folded

_ALIASES: Final = {
    "AU": {"capital territory": "ACT"},
    "CA": {
        "newfoundland": "NL",
        "labrador": "NL",
        "nf": "NL",
        "nfld": "NL",
        "nwt": "NT",
        "pei": "PE",
        "pq": "QC",
        "yukon territory": "YT",
    },
    "IT": {
        "florence": "FI",
        "florenz": "FI",
        "genoa": "GE",
        "genua": "GE",
        "mailand": "MI",
        "milan": "MI",
        "mantua": "MN",
        "naples": "NA",
        "neapel": "NA",
        "padua": "PD",
        "rom": "RM",
        "rome": "RM",
        "syracuse": "SR",
        "turin": "TO",
        "venedig": "VE",
        "venice": "VE",
        "monza e della brianza": "MB",
        "reggio nell emilia": "RE",
        "reggio di calabria": "RC",
    },
    "US": {
        "aa": "AA",
        "ae": "AE",
        "ap": "AP",
        "armed forces americas": "AA",
        "armed forces europe": "AE",
        "armed forces pacific": "AP",
        "virgin islands": "VI",
        "us virgin islands": "VI",
        "washington dc": "DC",
    },
}
"""Folded: names of today and yesterday, and the armed forces' post, which the standard does not list."""


def needs_state(country: str) -> bool:
    """Return True if labels to this country name the state."""
    return country in _states()


def subdivision_code(*, country: str, state: str) -> str:
    """Return the code such as ``US-NY``; empty if the text is not certainly a state of that country."""
    known = _states().get(country)
    if known is None:
        return ""
    prefix = f"{country.casefold()} "
    code = certain(state, lambda text: known.get(text.removeprefix(prefix), ""))
    return f"{country}-{code}" if code else ""


@cache
def _states() -> dict[str, dict[str, str]]:
    """Map each country to its codes by folded code or name."""
    table = json.loads(Path(__file__).with_name("subdivisions.json").read_text(encoding="utf-8"))
    return {
        country: {folded(name): code for code, names in states.items() for name in names}
        | _ALIASES[country]
        | {code.lower(): code for code in states}
        for country, states in table.items()
    }
