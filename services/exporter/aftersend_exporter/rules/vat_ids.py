"""The VAT id of a business buyer, as typed: ``DE 123 456 789``, ``USt-IdNr.: ATU12345678``, ``CHE-123.456.789 MWST``.

An id says by itself which country gave it. Ids of other countries, and what is none, are not understood: nothing is
declared then.
"""

import re
from typing import Final

from aftersend.sendcloud.model import TaxNumber
from aftersend.tenant.tax_numbers import MEMBER_STATES

_LABEL: Final = re.compile(
    r"^(?:(?:EU|EC)?(?:UST|UMSATZSTEUER|MWST|TAX|VAT|UID|TVA|IVA|BTW)*(?:ID|IDENT|IDENTIFIKATIONS|REG)?(?:NR|NO|NUMMER|NUMBER)?)"
)
_JOINED: Final = re.compile(r"[^A-Z0-9]+")
_PREFIXES: Final = {"EL": "GR", **{each: each for each in MEMBER_STATES if each != "GR"}}
_FORMS: Final = {
    "AT": r"U\d{8}", "BE": r"[01]\d{9}", "BG": r"\d{9,10}", "CY": r"\d{8}[A-Z]", "CZ": r"\d{8,10}", "DE": r"\d{9}",
    "DK": r"\d{8}", "EE": r"\d{9}", "ES": r"[A-Z0-9]\d{7}[A-Z0-9]", "FI": r"\d{8}", "FR": r"[A-Z0-9]{2}\d{9}",
    "GR": r"\d{9}", "HR": r"\d{11}", "HU": r"\d{8}", "IE": r"\d[A-Z0-9]\d{5}[A-Z]{1,2}", "IT": r"\d{11}",
    "LT": r"\d{9}(?:\d{3})?", "LU": r"\d{8}", "LV": r"\d{11}", "MT": r"\d{8}", "NL": r"[A-Z0-9]{9}B[A-Z0-9]{2}",
    "PL": r"\d{10}", "PT": r"\d{9}", "RO": r"\d{2,10}", "SE": r"\d{12}", "SI": r"\d{8}", "SK": r"\d{10}",
}  # fmt: skip
"""What follows the prefix; source: the European Commission's VIES."""
_OTHERS: Final = {
    "CH": re.compile(r"(?:CH)?(CHE\d{9})(MWST|TVA|IVA)?"),
    "GB": re.compile(r"(GB\d{9}(?:\d{3})?)"),
    "NO": re.compile(r"(?:NO)?(\d{9}MVA)"),
}


def vat_id(text: str) -> TaxNumber | None:
    """Parse a VAT id; None if it is none of a country that is known here."""
    plain = _JOINED.sub("", text.upper())
    for candidate in (plain, _LABEL.sub("", plain, count=1)):
        found = _of_member_state(candidate) or _of_neighbour(candidate)
        if found is not None:
            return found
    return None


def _of_member_state(plain: str) -> TaxNumber | None:
    country = _PREFIXES.get(plain[:2], "")
    is_one = country and re.fullmatch(_FORMS[country], plain[2:], re.ASCII)
    return TaxNumber(name="VAT", country_code=country, value=plain) if is_one else None


def _of_neighbour(plain: str) -> TaxNumber | None:
    for country, form in _OTHERS.items():
        if found := form.fullmatch(plain):
            return TaxNumber(name="VAT", country_code=country, value="".join(filter(None, found.groups())))
    return None
