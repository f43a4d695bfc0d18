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
part of the name           Straße des 17. Juni · Via 25 Aprile · 2e Rue  never; another number beside it is
any other number           Weg 5 und 7 · 12 rue X porte 3                never: which of them it is, is not certain
no street                  Packstation 101 · Postfach 12 · Halle 5       never
=========================  ============================================  ======================================
"""

import re
from dataclasses import dataclass
from typing import Final

_LETTER: Final = r"[A-Za-z](?![A-Za-zÀ-ÿ])"
_ONE: Final = rf"[1-9]\d{{0,3}}(?!\d)(?:\s?{_LETTER})?"
_BIS: Final = r"(?:\s?(?:bis|ter|quater)\b)?"
_NUMBER: Final = rf"{_ONE}(?:\s?[-–/+]\s?(?:{_ONE}|{_LETTER}))*{_BIS}"
_SIGN: Final = r"(?:Nr|No|Num|Nummer|Hausnr|Hausnummer|n|N°|nº|núm|civ|#)\.?"
_UNIT_WORDS: Final = (
    "whg wohnung we app appartement apartment apt appt zimmer zi top tur tür tuer stiege stg stock stk etage geschoss "
    "og eg ug dg zg hinterhaus hh vorderhaus vh seitenflügel sf quergebäude qg gartenhaus gh aufgang aufg haus gebäude "
    "geb block eingang halle tor rampe objekt obj parzelle parz stand büro raum abteilung abt kg-nr "
    "links rechts mitte li re bus bte boîte boite box int interno scala sc piano palazzina lotto edificio edif esc "
    "piso puerta pta bajo planta hs huis boven beneden unit kamer appartment étage etg bât bat bâtiment batiment "
    "porte escalier rez lot flat floor fl suite ste room rm"
)
_UNITS: Final = frozenset(_UNIT_WORDS.split())
_UNIT_WORD: Final = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_UNIT: Final = rf"(?:{_UNIT_WORD}|[IVX]{{1,4}}|c/o|\(.*\))"
_FLOOR: Final = r"(?:\d{1,2}[.ºª°]?\s?(?:er|e|[èe]me)?\s?)?"
_REST: Final = rf"(?:[\s,/]+(?:[-–]\s)?(?:#\s?\w+|{_FLOOR}{_UNIT}(?![A-Za-zÀ-ÿ]).*))?"
_TRAILING: Final = re.compile(
    rf"(?P<street>.*?[^\d\s,])(?:[\s,]+{_SIGN})?[\s,]*(?P<number>{_NUMBER})(?P<rest>{_REST})", re.IGNORECASE
)
_SURE_REST: Final = (
    rf"(?:[\s,/]+(?:#\s?\w+|{_FLOOR}(?:{_UNIT_WORD})\.?\s?(?:n°\s?)?(?:\d+\s?[A-Za-z]?|[A-Z])(?![A-Za-zÀ-ÿ]).*"
    r"|\d{1,2}\s?(?:er|e|[èe]me|nd|rd|st|th)\s(?:[ée]tage|floor).*))?"
)
"""Of a line that begins with the number: a word such as Lot or Porte alone belongs to the street."""
_LEADING: Final = re.compile(
    rf"(?P<number>[1-9]\d{{0,4}}(?!\d)(?:\s?{_LETTER})?{_BIS}(?:\s?-\s?{_ONE})?),?\s+(?P<street>.+?)"
    rf"(?P<rest>{_SURE_REST})",
    re.IGNORECASE,
)
_ALONE: Final = re.compile(rf"(?:{_SIGN}\s*)?(?P<number>{_NUMBER})", re.IGNORECASE)
_CARE_OF: Final = re.compile(r"(?:c\s?/\s?o|z\.?\s?hd\.?|zu händen|℅|chez|presso|p\.a\.)(?!\w).*", re.IGNORECASE)
_NUMBER_FIRST: Final = frozenset({"AU", "BE", "CA", "CH", "FR", "GB", "IE", "LU", "MC", "US"})
_RANGE_FIRST: Final = frozenset({"BE", "CH", "FR", "GB", "IE", "LU", "MC"})
"""Elsewhere ``5-123 Main Street`` is flat 5 of number 123."""
_NO_STREET: Final = _UNITS | frozenset(
    "postfach packstation postfiliale filiale paketshop parcelshop box bp cs pf km tsa postbus antwoordnummer "  # noqa: SIM905 - reads as a list
    "postale postal postnummer nr no nummer hausnummer kundennummer kundennr tel telefon bestellung firma tegenover "
    "cp ebene gate terminal dock lager werk bau pavillon laden klingel klasse station fach schließfach stellplatz "
    "liegeplatz garten garage kiosk loge lotissement route highway "
    "psc rr cmr hc "
    "am an der den dem im zum zur von dei delle degli dal di del della du de des la le les van of los las "
    "gmbh ag kg ohg ev mbh ug srl sarl bv nv ltd inc sa spa gbr "
    "statale provinciale provincial rn rd ss sp nationale départementale departementale bundesstr "
    "bundesstraße bundesstrasse landstr lijn wijk za zi zac zone".split()
)
_GENERIC_STREETS: Final = frozenset(
    "straße strasse str weg platz rue calle via strada chemin straat street road avenue".split()  # noqa: SIM905 - reads as a list
)
"""Alone they need their number as a name: Straße 5, Rue 12."""
_MONTHS: Final = (
    "januar|februar|märz|april|mai|juni|juli|august|september|oktober|november|dezember|"
    "janvier|février|mars|avril|juin|juillet|ao[uû]t|septembre|octobre|novembre|décembre|"
    "gennaio|febbraio|marzo|aprile|maggio|giugno|luglio|agosto|settembre|ottobre|novembre|dicembre|"
    "januari|februari|maart|mei|augustus|december|"
    "enero|febrero|abril|mayo|junio|julio|septiembre|octubre|noviembre|diciembre"
)
_YEAR: Final = re.compile(r"(?:1[89]|20)\d\d")
_NAME_NUMBER: Final = re.compile(
    rf"(?<!\d)(?:[12]?\d|3[01])(?:er|[.°º])?[\s-](?:de\s)?(?:{_MONTHS})(?![a-zà-ÿ])(?:\s{_YEAR.pattern})?"
    r"|(?<!\d)\d{1,3}(?:\.(?=\s[A-Za-zÀ-ÿ])|(?:er|ère|e|[èe]me|ste|de|st|nd|rd|th|[°ºª])(?!\w))",
    re.IGNORECASE,
)
"""Dates and ordinals, as streets are called after."""
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
    if leading and _is_leading(leading["number"], leading["street"], country=country):
        return _divided(leading)
    found = _TRAILING.fullmatch(line)
    if found is None or not _is_street(found["street"]) or _YEAR.fullmatch(found["number"]):
        return None
    return _divided(found)


def _is_leading(number: str, street: str, *, country: str) -> bool:
    return _is_street(street, may_end_with=_UNITS) and ("-" not in number or country in _RANGE_FIRST)


def _is_street(text: str, *, may_end_with: frozenset[str] = frozenset()) -> bool:
    """Return whether it names a street, and no number of it could be the house's."""
    words = _words(text)
    excluded = _NO_STREET - may_end_with if len(words) > 1 else _NO_STREET
    if not words or words[-1] in excluded or len(words[-1]) < _MIN_WORD:
        return False
    last = _words(text.rstrip(" ,").rpartition(",")[2])
    is_generic = len(last) == 1 and last[0] in _GENERIC_STREETS
    return not is_generic and not any(char.isdigit() for char in _NAME_NUMBER.sub("", text))


def _words(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())


def _divided(found: re.Match[str]) -> DividedStreet:
    return DividedStreet(found["street"].strip(" ,-–"), _tidy(found["number"]), found["rest"].strip(" ,/-–"))


def _tidy(number: str) -> str:
    return " ".join(number.split())


def _joined(*parts: str) -> str:
    return ", ".join(part for part in (part.strip() for part in parts) if part)
