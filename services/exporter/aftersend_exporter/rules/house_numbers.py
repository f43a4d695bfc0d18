"""Street and house number apart, for countries where Sendcloud wants the number in a field of its own.

A wrong number is worse than none: only forms that leave no doubt are divided. What follows the number (flat, floor,
box) is kept for the second line.

=========================  ============================================  ======================================
form                       examples                                      divided
=========================  ============================================  ======================================
number at the end          Ahornweg 7 b · Musterstr.12 · Hof 4 - 6       street · number
                           Gasse 12/3/4 · Via Roma, 12/A · Rue X 5 bis
… and a flat or floor      Dorfstr. 14 Whg. 2 · Ring 7, 3. OG            street · number · rest
number first               5 bis rue de la Paix · 10 Downing Street      where the country writes it so
number in line 2           Ahornweg · 7 b                                line 2 is the number
care of                    c/o Erfunden · Ahornweg 7                     line 2 is the street
part of the name           Straße des 17. Juni · Via 25 Aprile           never
no street                  Packstation 101 · Postfach 12 · An der B 75   never
=========================  ============================================  ======================================
"""

import re
from dataclasses import dataclass
from typing import Final

_LETTER: Final = r"[A-Za-z](?![A-Za-zÀ-ÿ])"
_ONE: Final = rf"\d{{1,5}}(?:\s?{_LETTER})?"
_NUMBER: Final = rf"{_ONE}(?:\s?[-–/+]\s?(?:{_ONE}|{_LETTER}))*(?:\s(?:bis|ter|quater)\b)?"
_SIGN: Final = r"(?:Nr|No|Nummer|Hausnr|Hausnummer|n|N°|nº|#)\.?"
_UNIT: Final = (
    r"(?:Whg|Wohnung|App|Appartement|Apartment|Apt|Zimmer|Zi|Top|T[üu]r|Stiege|Stg|Stock|Etage|[OEUD]G|Hinterhaus|HH|"
    r"Vorderhaus|VH|Seitenfl[üu]gel|Aufgang|Haus|Geb[äa]ude|links|rechts|mitte|bus|bte|bo[iî]te|int|interno|scala|piano|"
    r"hs|huis|app[ae]rtement|[ée]tage|[IVX]{1,4}|c/o)"
)
_REST: Final = rf"(?:[\s,/]+(?:\d{{1,2}}\.?\s?(?:er|e|[èe]me)?\s?)?{_UNIT}(?![A-Za-zÀ-ÿ]).*)?"
_TRAILING: Final = re.compile(
    rf"(?P<street>.*?[^\d\s,])(?:[\s,]+{_SIGN})?[\s,]*(?P<number>{_NUMBER})(?P<rest>{_REST})", re.IGNORECASE
)
_LEADING: Final = re.compile(
    rf"(?P<number>\d{{1,5}}(?:\s?{_LETTER})?(?:\s(?:bis|ter|quater)\b)?),?\s+(?P<street>[^\d]+)", re.IGNORECASE
)
_ALONE: Final = re.compile(rf"(?:{_SIGN}\s*)?(?P<number>{_NUMBER})", re.IGNORECASE)
_CARE_OF: Final = re.compile(r"(?:c\s?/\s?o|z\.?\s?hd\.?|zu händen|℅)\b.*", re.IGNORECASE)
_NUMBER_FIRST: Final = frozenset({"AU", "BE", "CA", "CH", "FR", "GB", "IE", "LU", "MC", "US"})
_NO_STREET: Final = frozenset(
    "postfach packstation postfiliale filiale paketshop parcelshop box bp cs pf km".split()  # noqa: SIM905 - reads as a list
)
_MONTHS: Final = frozenset(
    "januar februar märz april mai juni juli august september oktober november dezember "  # noqa: SIM905 - reads as a list
    "janvier février mars avril juin juillet août septembre octobre novembre décembre "
    "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre "
    "januari februari maart mei augustus december".split()
)
_YEAR: Final = re.compile(r"1[89]\d\d|20\d\d")
_NUMBERED_STREETS: Final = frozenset({"straße", "strasse", "weg"})
"""Alone they need their number as a name: Straße 5."""
_MIN_WORD: Final = 2


@dataclass(frozen=True, slots=True)
class DividedStreet:
    """A street, its house number, and what belongs into the second line."""

    street: str
    number: str
    second_line: str = ""


def divide(line_1: str, line_2: str, *, country: str) -> DividedStreet | None:
    """Divide the lines of an address; None if it is not certain which part is the house number."""
    if _CARE_OF.fullmatch(line_1.strip()):
        found = _from_line(line_2, country=country)
        return found and DividedStreet(found.street, found.number, _joined(found.second_line, line_1))
    if found := _from_line(line_1, country=country):
        return DividedStreet(found.street, found.number, _joined(found.second_line, line_2))
    alone = _ALONE.fullmatch(line_2.strip())
    if alone and not any(char.isdigit() for char in line_1) and _is_street(line_1):
        return DividedStreet(line_1.strip(" ,"), _tidy(alone["number"]))
    return None


def _from_line(line: str, *, country: str) -> DividedStreet | None:
    line = " ".join(line.split())
    leading = _LEADING.fullmatch(line) if country in _NUMBER_FIRST else None
    if leading:
        return DividedStreet(leading["street"].strip(" ,"), _tidy(leading["number"]))
    found = _TRAILING.fullmatch(line)
    if found is None or not _is_street(found["street"]) or _is_date(found["street"], found["number"]):
        return None
    return DividedStreet(found["street"].strip(" ,"), _tidy(found["number"]), found["rest"].strip(" ,/"))


def _is_street(text: str) -> bool:
    words = re.findall(r"[^\W\d_]+", text.casefold())
    numbered = len(words) == 1 and words[0] in _NUMBERED_STREETS
    return bool(words) and words[-1] not in _NO_STREET and len(words[-1]) >= _MIN_WORD and not numbered


def _is_date(street: str, number: str) -> bool:
    """Return whether the number is the year of a date: ``rue du 8 Mai 1945``."""
    return street.casefold().split()[-1] in _MONTHS and _YEAR.fullmatch(number) is not None


def _tidy(number: str) -> str:
    return " ".join(number.split())


def _joined(*parts: str) -> str:
    return ", ".join(part for part in (part.strip() for part in parts) if part)
