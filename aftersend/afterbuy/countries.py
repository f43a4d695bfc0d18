"""Map Afterbuy's country fields to ISO 3166-1 alpha-2.

``CountryISO`` wins where it is filled. ``Country`` is the licence-plate code that German merchants know (D, A, CH, …);
most plates of two letters equal the ISO code, the table holds those that do not, and the plates of one or three
letters. Anything else becomes an empty text: better no country than a wrong one.

Sources: the table of Afterbuy's own shop plug-in, which calls Great Britain GBM; UK occurs in Afterbuy's samples.
"""

from typing import Final

_BY_PLATE: Final = {
    "A": "AT",
    "AND": "AD",
    "AUS": "AU",
    "B": "BE",
    "BIH": "BA",
    "CDN": "CA",
    "D": "DE",
    "E": "ES",
    "EST": "EE",
    "ET": "EG",
    "F": "FR",
    "FIN": "FI",
    "FL": "LI",
    "GBA": "GG",
    "GBG": "GG",
    "GBJ": "JE",
    "GBM": "GB",
    "GBZ": "GI",
    "H": "HU",
    "I": "IT",
    "IND": "IN",
    "IRL": "IE",
    "J": "JP",
    "KSA": "SA",
    "KWT": "KW",
    "L": "LU",
    "LAR": "LY",
    "M": "MT",
    "MAL": "MY",
    "MEX": "MX",
    "MNE": "ME",
    "N": "NO",
    "NMK": "MK",
    "P": "PT",
    "Q": "QA",
    "RA": "AR",
    "RC": "TW",
    "RCH": "CL",
    "RI": "ID",
    "RKS": "XK",
    "RL": "LB",
    "ROK": "KR",
    "ROU": "UY",
    "RP": "PH",
    "RSM": "SM",
    "RUM": "RO",
    "RUS": "RU",
    "S": "SE",
    "SCG": "RS",
    "SGP": "SG",
    "SLO": "SI",
    "SRB": "RS",
    "T": "TH",
    "UAE": "AE",
    "UK": "GB",
    "USA": "US",
    "V": "VA",
    "YV": "VE",
}
_ISO_LENGTH: Final = 2


def iso_country(iso: str, plate: str = "") -> str:
    """Return ISO alpha-2 in capitals, or an empty text if neither field holds a known code."""
    iso = iso.strip().upper()
    if _looks_iso(iso):
        return "GB" if iso == "UK" else iso
    plate = plate.strip().upper()
    return _BY_PLATE.get(plate) or (plate if _looks_iso(plate) else "")


def _looks_iso(text: str) -> bool:
    return len(text) == _ISO_LENGTH and text.isascii() and text.isalpha()
