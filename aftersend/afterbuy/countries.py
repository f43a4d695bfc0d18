"""From Afterbuy's country fields to ISO 3166-1 alpha-2.

``CountryISO`` wins where it is filled. ``Country`` is the licence-plate code that German merchants know (D, A, CH, …),
sometimes a name. Most plates of two letters equal the ISO code; where they do not, the code of the standard counts,
except for ET, which Afterbuy's own shop plug-in uses for Egypt. What is filled and means no country is ``Unreadable``:
a wrong country is worse than none.

EL and XI are codes of the EU for Greece and Northern Ireland; XI becomes GB, where the postal code (BT) decides about
customs.

Sources: the table of Afterbuy's own shop plug-in, which calls Great Britain GBM; UK occurs in Afterbuy's samples; the
plates of the UN's list of distinguishing signs of vehicles in international traffic.
"""

from typing import Final

from aftersend.afterbuy.numbers import Unreadable
from aftersend.iso3166.countries import country_code

_BY_PLATE: Final = {
    "A": "AT", "AFG": "AF", "AND": "AD", "ARK": "AQ", "ARM": "AM", "ARU": "AW", "AUS": "AU", "AXA": "AI",
    "B": "BE", "BDS": "BB", "BHT": "BT", "BIH": "BA", "BOL": "BO", "BRN": "BH", "BRU": "BN", "BUR": "MM",
    "BVI": "VG", "CAM": "CM", "CDN": "CA", "CGO": "CD", "CHN": "CN", "COM": "KM", "D": "DE", "DJI": "DJ",
    "DOM": "DO", "E": "ES", "EAK": "KE", "EAT": "TZ", "EAU": "UG", "EAZ": "TZ", "EIR": "IE", "EST": "EE",
    "ET": "EG", "ETH": "ET", "F": "FR", "FGU": "GF", "FIN": "FI", "FJI": "FJ", "FL": "LI", "FSM": "FM",
    "G": "GA", "GBA": "GG", "GBG": "GG", "GBJ": "JE", "GBM": "GB", "GBZ": "GI", "GCA": "GT", "GUY": "GY",
    "H": "HU", "HKJ": "JO", "I": "IT", "IND": "IN", "IRL": "IE", "IRQ": "IQ", "J": "JP", "JOR": "JO",
    "K": "KH", "KAN": "KN", "KIR": "KI", "KSA": "SA", "KWT": "KW", "L": "LU", "LAO": "LA", "LAR": "LY",
    "M": "MT", "MAL": "MY", "MEX": "MX", "MGL": "MN", "MNE": "ME", "MOC": "MZ", "N": "NO", "NAM": "NA",
    "NAU": "NR", "NCL": "NC", "NEP": "NP", "NIC": "NI", "NMK": "MK", "P": "PT", "PAL": "PW", "PMR": "MD",
    "PNG": "PG", "PRK": "KP", "Q": "QA", "RA": "AR", "RB": "BW", "RC": "TW", "RCA": "CF", "RCB": "CG",
    "RCH": "CL", "RG": "GN", "RH": "HT", "RI": "ID", "RIM": "MR", "RKS": "XK", "RL": "LB", "RMM": "ML",
    "RN": "NE", "ROK": "KR", "ROU": "UY", "RP": "PH", "RSM": "SM", "RUM": "RO", "RUS": "RU", "RWA": "RW",
    "S": "SE", "SCG": "RS", "SGP": "SG", "SLO": "SI", "SME": "SR", "SOL": "SB", "SRB": "RS", "SUD": "SD",
    "SYR": "SY", "T": "TH", "TCH": "TD", "TMN": "TM", "TON": "TO", "TUV": "TV", "UAE": "AE", "UK": "GB",
    "USA": "US", "V": "VA", "VAN": "VU", "WAG": "GM", "WAL": "SL", "WAN": "NG", "WD": "DM", "WG": "GD",
    "WL": "LC", "WV": "VC", "YAR": "YE", "YV": "VE", "Z": "ZM",
}  # fmt: skip
_EU_CODES: Final = {"EL": "GR", "UK": "GB", "XI": "GB"}


def read_country(iso: str, plate: str = "") -> str:
    """ISO alpha-2 in capitals, an empty text if both fields are empty; ``Unreadable`` for what means no country."""
    if iso.strip():
        return _read(_EU_CODES.get(iso.strip().upper()) or country_code(iso))
    if not plate.strip():
        return ""
    return _read(_by_plate(plate) or _EU_CODES.get(plate.strip().upper()) or country_code(plate))


def origin_country(text: str) -> str:
    """ISO alpha-2 of a product's origin, an empty text if none is given; ``Unreadable`` if it is not certain."""
    if not text.strip():
        return ""
    meanings = {code for code in (country_code(text), _by_plate(text)) if code}
    return _read(meanings.pop() if len(meanings) == 1 else "")


def _by_plate(text: str) -> str:
    return _BY_PLATE.get(text.strip().upper(), "")


def _read(code: str) -> str:
    if not code:
        raise Unreadable
    return code
