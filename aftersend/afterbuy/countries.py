"""From Afterbuy's country fields to ISO 3166-1 alpha-2.

``CountryISO`` wins where it is filled. ``Country`` is the licence-plate code that German merchants know (D, A, CH, …),
sometimes a name. Most plates of two letters equal the ISO code; where they do not, the code of the standard counts,
except for ET, which Afterbuy's own shop plug-in uses for Egypt. What is filled and means no country is ``Unreadable``:
a wrong country is worse than none.

EL and XI are codes of the EU for Greece and Northern Ireland, EA and IC stand for Ceuta with Melilla and the Canary
Islands; they become GB and ES, where the postal code decides about customs.

Sources: the table of Afterbuy's own shop plug-in, which calls Great Britain GBM; UK occurs in Afterbuy's samples; the
plates of the UN's list of distinguishing signs of vehicles in international traffic.
"""

from functools import lru_cache
from typing import Final

from aftersend.afterbuy.numbers import Unreadable
from aftersend.iso3166.countries import countries_named
from aftersend.iso3166.folding import certain, folded

_BY_PLATE: Final = {
    "A": "AT", "AFG": "AF", "AND": "AD", "ARK": "AQ", "ARM": "AM", "ARU": "AW", "AUS": "AU", "AXA": "AI",
    "B": "BE", "BDS": "BB", "BHT": "BT", "BIH": "BA", "BOL": "BO", "BRN": "BH", "BRU": "BN", "BUR": "MM",
    "BVI": "VG", "C": "CU", "CAM": "CM", "CDN": "CA", "CGO": "CD", "CHN": "CN", "COM": "KM", "D": "DE",
    "DJI": "DJ", "DOM": "DO", "DY": "BJ", "E": "ES", "EAK": "KE", "EAT": "TZ", "EAU": "UG", "EAZ": "TZ",
    "EIR": "IE", "ENG": "GB", "EST": "EE", "ET": "EG", "ETH": "ET", "F": "FR", "FGU": "GF", "FIN": "FI",
    "FJI": "FJ", "FL": "LI", "FSM": "FM", "G": "GA", "GBA": "GG", "GBG": "GG", "GBJ": "JE", "GBM": "GB",
    "GBZ": "GI", "GCA": "GT", "GRO": "GL", "GUY": "GY", "H": "HU", "HKJ": "JO", "I": "IT", "IND": "IN",
    "IRL": "IE", "IRQ": "IQ", "J": "JP", "JA": "JM", "JOR": "JO", "K": "KH", "KAN": "KN", "KIR": "KI", "KS": "KG",
    "KSA": "SA", "KWT": "KW", "L": "LU", "LAO": "LA", "LAR": "LY", "M": "MT", "MAL": "MY", "MEX": "MX",
    "MGL": "MN", "MNE": "ME", "MOC": "MZ", "MYA": "MM", "N": "NO", "NAM": "NA", "NAU": "NR", "NCL": "NC",
    "NEP": "NP", "NGR": "NG", "NIC": "NI", "NMK": "MK", "P": "PT", "PAL": "PW", "PMR": "MD", "PNG": "PG",
    "PRK": "KP", "Q": "QA", "RA": "AR", "RB": "BW", "RC": "TW", "RCA": "CF", "RCB": "CG", "RCH": "CL", "RG": "GN",
    "RH": "HT", "RI": "ID", "RIM": "MR", "RKS": "XK", "RL": "LB", "RM": "MG", "RMM": "ML", "RN": "NE", "ROK": "KR",
    "ROU": "UY", "RP": "PH", "RPB": "BJ", "RSM": "SM", "RT": "TG", "RUM": "RO", "RUS": "RU", "RWA": "RW",
    "S": "SE", "SCG": "RS", "SCN": "KN", "SCO": "GB", "SCV": "VA", "SF": "FI", "SGP": "SG", "SLO": "SI",
    "SME": "SR", "SOL": "SB", "SRB": "RS", "SUD": "SD", "SWA": "NA", "SYR": "SY", "T": "TH", "TCH": "TD",
    "TMN": "TM", "TON": "TO", "TUV": "TV", "UAE": "AE", "UK": "GB", "USA": "US", "V": "VA", "VAN": "VU",
    "WAG": "GM", "WAL": "SL", "WAN": "NG", "WD": "DM", "WG": "GD", "WL": "LC", "WV": "VC", "YAR": "YE", "YV": "VE",
    "Z": "ZM", "ZRE": "CD",
}  # fmt: skip
_BY_FOLDED_PLATE: Final = {plate.lower(): code for plate, code in _BY_PLATE.items()}
_EU_CODES: Final = {"ea": "ES", "el": "GR", "ic": "ES", "uk": "GB", "xi": "GB"}


@lru_cache(maxsize=256)
def read_country(iso: str, plate: str = "") -> str:
    """ISO alpha-2 in capitals, an empty text if both fields are empty; ``Unreadable`` for what means no country."""
    if iso.strip():
        return _read(certain(iso, _by_code_or_name))
    if not plate.strip():
        return ""
    return _read(_BY_FOLDED_PLATE.get(folded(plate)) or certain(plate, _by_any))


@lru_cache(maxsize=256)
def origin_country(text: str) -> str:
    """ISO alpha-2 of a product's origin, an empty text if none is given; ``Unreadable`` if it is not certain."""
    return _read(certain(text, _by_any)) if text.strip() else ""


def _by_code_or_name(name: str) -> frozenset[str]:
    return frozenset({_EU_CODES[name]}) if name in _EU_CODES else countries_named(name)


def _by_any(name: str) -> frozenset[str]:
    plate = _BY_FOLDED_PLATE.get(name)
    return _by_code_or_name(name) | ({plate} if plate else frozenset())


def _read(code: str) -> str:
    if not code:
        raise Unreadable
    return code
