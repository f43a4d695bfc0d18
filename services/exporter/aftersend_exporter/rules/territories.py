"""Where customs papers are needed.

A parcel needs them if its destination lies outside the customs union of the EU or outside its tax area: either border
wants an invoice, a tariff number and an origin for each item. The country alone decides for most of the world; a few
places hide in the postal code of a member state, and two that look foreign count as inside (Monaco, Northern Ireland).

    outside both     Switzerland, Great Britain, Channel Islands, Ceuta, Melilla, Büsingen, Heligoland, Livigno …
    tax area only    Canary Islands, Åland, French overseas departments, Mount Athos, Campione, San Marino
    inside           the member states, Monaco (as France), Northern Ireland (goods, Windsor Framework)

Sources: Union Customs Code (Regulation 952/2013) article 4; VAT Directive 2006/112/EC articles 5 to 7. What is not
known to be inside is outside: papers too many cost a form, papers too few cost the parcel.
"""

import re
from typing import Final

_MEMBER_STATES: Final = "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK"
_INSIDE: Final = frozenset((*_MEMBER_STATES.split(), "MC", "XI"))
"""Member states, Monaco, and XI: the code that customs use for Northern Ireland."""

_OUTSIDE_BY_POSTAL_CODE: Final = {
    "DE": re.compile(r"78266|27498"),  # Büsingen, Heligoland
    "DK": re.compile(r"39\d\d"),  # Greenland under Denmark's name
    "ES": re.compile(r"(35|38|51|52)\d{3}"),  # Las Palmas, Santa Cruz de Tenerife, Ceuta, Melilla
    "FI": re.compile(r"22\d{3}"),  # Åland
    "FR": re.compile(r"97\d{3}|98[1-9]\d\d"),  # overseas; 980xx is Monaco
    "GR": re.compile(r"6308[67]"),  # Mount Athos: Karyes, Daphni
    "IT": re.compile(r"23041|22061|4789\d|00120"),  # Livigno, Campione, San Marino and Vatican under Italy's name
}
"""Digits of the postal code, as a whole, of places in a member state that count as outside."""

_NORTHERN_IRELAND: Final = re.compile(r"(GB|UK|XI)?BT\d")


def needs_customs(*, country: str, postal_code: str) -> bool:
    """Return whether the destination lies outside the customs union of the EU or outside its tax area.

    ``country`` is ISO 3166-1 alpha-2 (also the customs codes IC, EA and XI); ``postal_code`` as written by people.
    """
    country = country.strip().upper()
    if country == "GB":
        return not _NORTHERN_IRELAND.match(re.sub(r"[^A-Z0-9]", "", postal_code.upper()))
    if country not in _INSIDE:
        return True
    special = _OUTSIDE_BY_POSTAL_CODE.get(country)
    return special is not None and special.fullmatch(re.sub(r"[^0-9]", "", postal_code)) is not None
