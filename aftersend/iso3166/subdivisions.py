"""State and province codes (ISO 3166-2) of the countries whose labels need one: US, CA, AU, IT.

Afterbuy's field is free text: ``NY``, ``us-ny``, ``N.Y.``, ``New York``, ``NY - New York``, ``State of New York`` and
``Brooklyn NY 11201`` occur. Only what is certain gets a code.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from aftersend.iso3166.folding import LONGEST, certain, folded, spellings

_NAMES: Final = {
    "AU": {"ACT": "capital territory", "NSW": "neusüdwales", "WA": "west australia"},
    "CA": {
        "AB": "alb, alta",
        "BC": "brit columbia, britisch kolumbien, colombie britannique",
        "MB": "man",
        "NB": "neubraunschweig, nouveau brunswick",
        "NL": "labrador, neufundland, newfoundland, nf, nfld, terre neuve, terre neuve et labrador",
        "NS": "neuschottland, nouvelle écosse",
        "NT": "nwt, territoires du nord ouest",
        "ON": "ont",
        "PE": "pei, ile du prince edouard, prinz edward insel",
        "QC": "pq, que",
        "SK": "sask",
        "YT": "yk, yukon territory",
    },
    "IT": {
        "AO": "ao, aosta, aostatal, val d aosta, valle d aosta, vallée d aoste",
        "AQ": "aquila",
        "BT": "bat",
        "BZ": "alto adige, südtirol",
        "FC": "fo, forli",
        "FI": "florence",
        "GE": "genoa",
        "LI": "leghorn",
        "MB": "monza, monza e della brianza",
        "MI": "milan",
        "NA": "naples",
        "PU": "pesaro, ps",
        "RC": "reggio di calabria, reggio calabria",
        "RE": "reggio nell emilia",
        "RM": "rome, roma capitale",
        "SP": "spezia",
        "SR": "syracuse",
        "TN": "trentino",
        "VB": "vco, verbania",
        "VE": "venice",
    },
    "US": {
        "AA": "aa, armed forces americas, armed forces of the americas",
        "AE": "ae, armed forces europe, armed forces africa, armed forces canada, armed forces middle east",
        "AP": "ap, armed forces pacific",
        "AK": "alas",
        "AL": "ala",
        "AR": "ark",
        "AZ": "ariz",
        "CA": "cal, calif",
        "CO": "colo",
        "CT": "conn",
        "DC": "washington dc",
        "DE": "del",
        "FL": "fla",
        "HI": "hawai i",
        "IL": "ill",
        "IN": "ind",
        "KS": "kan, kans",
        "KY": "ken",
        "MA": "mass",
        "MI": "mich",
        "MN": "minn",
        "MS": "miss",
        "MT": "mont",
        "NC": "n carolina, no carolina, nord carolina, nordkarolina",
        "ND": "n dakota, no dakota, norddakota",
        "NE": "neb, nebr",
        "NH": "n hampshire",
        "NJ": "n jersey",
        "NM": "n mex, n mexico, new mex",
        "NV": "nev",
        "NY": "n york, new york city, nyc",
        "OK": "okla",
        "OR": "ore, oreg",
        "PA": "penn, penna",
        "SC": "s carolina, so carolina, südkarolina",
        "SD": "s dakota, so dakota, süddakota",
        "TN": "tenn",
        "TX": "tex",
        "VI": "virgin islands, us virgin islands",
        "WA": "wash",
        "WI": "wis, wisc",
        "WV": "w va, w virginia, wva",
        "WY": "wyo",
    },
}
"""Other names: abbreviations, other languages, former ones, and the armed forces' post, which the standard lacks."""
_COUNTRIES: Final = {"AU": "australia", "CA": "canada", "IT": "italia|italy|italien", "US": "usa"}
_AROUND: Final = (
    r"(?:state|province|provincia|provinz|prov|citta metropolitana|territory|bundesstaat|apo|fpo|dpo)"
    r"(?: of| de| di| du| del| della| dell| von)?"
)


def needs_state(country: str) -> bool:
    """Return True if labels to this country name the state."""
    return country in _states()


def subdivision_code(*, country: str, state: str) -> str:
    """Return the code such as ``US-NY``; empty if the text is not certainly a state of that country."""
    if not needs_state(country) or len(state) > LONGEST:
        return ""
    code = certain(state, lambda part: _named(part, country=country), unknown_parts=True)
    code = code or _beside_a_city(state, country=country)
    return f"{country}-{code}" if code else ""


def _named(part: str, *, country: str) -> frozenset[str]:
    known = _states()[country]
    for name in (part, _bare(part, country=country)):
        if name in known:
            return frozenset({known[name]})
    return frozenset()


@cache
def _surroundings(country: str) -> re.Pattern[str]:
    names = rf"{country.lower()}|{_COUNTRIES[country]}"
    return re.compile(rf"(?:(?:{names}) |{_AROUND} )?(.+?)(?: state| province| (?:{names}))?")


def _bare(part: str, *, country: str) -> str:
    """Return the name without what may stand around it: ``state of``, ``prov. di``, the country."""
    found = _surroundings(country).fullmatch(part)
    return found[1] if found else part


def _beside_a_city(text: str, *, country: str) -> str:
    """Read a code in capitals at the end, before a postal code at most, or a code before its own name."""
    words = re.sub(r"[\s.,;-]+[0-9-]{4,10}$", "", text.strip()).split()
    if len(words) == 1 and words != text.split():
        return next(iter(_named(folded(words[0]), country=country)), "")
    if len(words) < 2:  # noqa: PLR2004 - a name and its code
        return ""
    rest, last = _named(folded(" ".join(words[:-1])), country=country), _code(words[-1], country=country)
    first, tail = _code(words[0], country=country), _named(folded(" ".join(words[1:])), country=country)
    found = {*rest, last} if last else {*tail, first} if first and tail else set()
    return found.pop() if len(found) == 1 else ""


def _code(word: str, *, country: str) -> str:
    code = word.strip(".,;()")
    return code if code.isupper() and code in _states()[country].values() else ""


@cache
def _states() -> dict[str, dict[str, str]]:
    """Map each country to its codes by folded code or name."""
    table = json.loads(Path(__file__).with_name("subdivisions.json").read_text(encoding="utf-8"))
    return {
        country: {spelled: code for code, names in states.items() for name in names for spelled in spellings(name)}
        | {
            spelled: code
            for code, text in _NAMES[country].items()
            for name in text.split(",")
            for spelled in spellings(name)
        }
        | {code.lower(): code for code in states}
        for country, states in table.items()
    }
