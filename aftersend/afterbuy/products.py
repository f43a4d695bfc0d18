"""Map the ``Product`` elements of an answer: tariff number and origin."""

import re
from typing import Final

from aftersend.afterbuy.countries import origin_country
from aftersend.afterbuy.fields import OptionalFields, plain, text_of
from aftersend.afterbuy.model import ProductCustoms
from aftersend.afterbuy.numbers import Unreadable
from aftersend.afterbuy.records import Element

_HS_LABELS: Final = (
    r"HS6(?!\d)|HS\s?20(?:12|17|22)(?=[\s:]+\d{6})|HSC?|HTS(?:US)?|TARIC|KN|CN|WTN|ZTN?|Intrastat|Stat(?:istische|istical)?|"
    r"(?:Zoll|Waren)?-?Tarif|Tariff|Waren|Commodity|Customs|Code|Nummer|Number|Nr|No"
)
_HS_CODE: Final = re.compile(rf"(?:(?:{_HS_LABELS})[\s.:#-]*+)*(\d[\d.\s]*)(?:\([^\d]*\))?", re.IGNORECASE | re.ASCII)
_HS_LENGTHS: Final = frozenset({4, 6, 8, 10, 11, 12})
"""An odd number of digits has lost one, mostly the zero in front."""


def read_product(element: Element) -> ProductCustoms | None:
    """Map one ``Product`` element; None without ProductID. What is filled and not understood stands in ``unclear``."""
    product_id = text_of(element, "ProductID")
    if not (product_id.isascii() and product_id.isdigit()):
        return None
    fields = OptionalFields(element)
    return ProductCustoms(
        product_id,
        hs_code=fields.get("CustomsTariffNumber", _hs_code, ""),
        origin_country=fields.get("CountryOfOrigin", origin_country, ""),
        unclear=frozenset(fields.unclear),
    )


def _hs_code(text: str) -> str:
    """Parse a tariff number to its digits: ``HS 6205.20.00`` is 62052000. There is no chapter 00."""
    found = _HS_CODE.fullmatch(" ".join(plain(text).split()).strip("'\"´`"))
    digits = "".join(char for char in found[1] if char.isdigit()) if found else ""
    is_number = len(digits) in _HS_LENGTHS and not digits.startswith("00") and len(set(digits)) > 1
    if text.strip() and not is_number:
        raise Unreadable
    return digits
