"""Carrier names: Sendcloud's code -> the name that Afterbuy shows.

Merchants' Afterbuy rules (mails, marketplaces) depend on this name, so the tenant document can replace any of them. An
unknown code is shown as it is. Codes: https://sendcloud.dev (parcel statuses and carriers), 83 of them
and growing.
"""

from collections.abc import Iterable, Mapping
from typing import Final

SEPARATOR: Final = ", "
BUILT_IN: Final[Mapping[str, str]] = {
    "asendia": "Asendia",
    "bpost": "bpost",
    "bring": "Bring",
    "chronopost": "Chronopost",
    "colisprive": "Colis Privé",
    "colissimo": "Colissimo",
    "correos": "Correos",
    "correos_express": "Correos Express",
    "dhl": "DHL",
    "dhl_at": "DHL",
    "dhl_de": "DHL",
    "dhl_ecommerce": "DHL eCommerce",
    "dhl_express": "DHL Express",
    "dhl_parcel": "DHL Parcel",
    "dp": "Deutsche Post",
    "dpd": "DPD",
    "evri": "Evri",
    "fedex": "FedEx",
    "gls": "GLS",
    "go": "GO! Express",
    "hermes": "Hermes",
    "inpost": "InPost",
    "mondial_relay": "Mondial Relay",
    "parcelforce": "Parcelforce",
    "poste_italiane": "Poste Italiane",
    "postat": "Österreichische Post",
    "postnl": "PostNL",
    "postnord": "PostNord",
    "royal_mail": "Royal Mail",
    "seur": "SEUR",
    "spring": "Spring",
    "swiss_post": "Schweizerische Post",
    "ups": "UPS",
}
"""Exact codes; a code of one of ``FAMILIES`` with a country or product behind it gets the family's name."""
FAMILIES: Final = ("dhl", "dpd", "gls", "hermes", "inpost", "ups", "fedex", "postnl", "royal_mail", "correos")


def carrier_name(code: str, own: Mapping[str, str]) -> str:
    """Return the name of one carrier; ``own`` are the tenant's names by code, letter case does not matter."""
    key = code.strip().lower()
    for wanted, name in own.items():
        if wanted.strip().lower() == key:
            return name
    if key in BUILT_IN:
        return BUILT_IN[key]
    family = next((family for family in FAMILIES if key.startswith(f"{family}_")), "")
    return BUILT_IN.get(family) or code.strip()


def carrier_names(codes: Iterable[str], own: Mapping[str, str]) -> str:
    """Return the names of several carriers, joined, each once."""
    return SEPARATOR.join(dict.fromkeys(name for code in codes if code and (name := carrier_name(code, own))))
