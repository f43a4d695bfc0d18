"""Packstation, Postfiliale and Paketshop: the recipient's Postnummer, wherever it was typed.

DHL finds the recipient by the Postnummer (6 to 10 digits), which Sendcloud takes in a field of its own. A wrong one
hands the parcel to a stranger, so it is read only where it leaves no doubt; everything else is noticed.

================  ==============================================  =================================================
pick-up point     examples                                        its Postnummer
================  ==============================================  =================================================
certain           DHL Packstation 145 · Postfiliale Nr. 502       labelled, or the only bare number
named             Packstation 3 · Paketshop · PS 145              labelled
none              An der Packstation 3 · Hermes Paketshop 145     never
================  ==============================================  =================================================

================  ==============================================  =================================================
number            examples                                        counts
================  ==============================================  =================================================
labelled          Postnr. 12345678 · PN:1234567 · DHL 12345678    before any bare one
bare              12345678 · Packstation 145, 12345678            if it is the only one
among words       Erika Muster 12345678                           never; a bare one beside it is not certain
of another kind   Kundennr. 1234567 · 0228 123456 · 50667         never
================  ==============================================  =================================================
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from msgspec import UNSET
from msgspec.structs import replace

from aftersend.sendcloud.model import ShippingAddress

_COUNTRIES: Final = frozenset({"DE", "AT"})
_LINES: Final = ("address_line_1", "address_line_2")
_SIGN: Final = r"(?:nr|no|nummer)"
_LINK: Final = r"[\s:.#=/-]*"
_NUMBER: Final = r"[0-9]{6,10}"
_LABEL: Final = (
    r"(?<![^\W_])(?:(?:DHL[\s-]*)?"
    rf"(?:Post[\s.-]*(?:Kunden[\s.-]*)?{_SIGN}|P[\s.-]?{_SIGN}|PN|DHL[\s-]*(?:Kunden|Kd\.?)?[\s-]*{_SIGN}|DHL)){_LINK}"
)
_OTHER_LABEL: Final = (
    r"(?:kunde|kd|tel|fon|phone|mobil|handy|fax|bestell|order|auftrag|rechnung|liefer|vorgang|artikel|konto|postfach|plz"
    r"|postleitzahl|ref|iban|code)"
)
_STATION: Final = r"pac?k(?:et)?[\s-]?(?:station|stat\.|st\.|st(?=\s?[0-9]))"
_BRANCH: Final = r"post[\s-]?filiale"
_SHOP: Final = r"pac?ket[\s-]?shop"
_DHL: Final = r"(?:DHL|Deutsche\s+Post)[\s:-]*"
_IN_FRONT: Final = rf"\W*(?:(?:{_LABEL})?{_NUMBER}[\s:./-]+)?"
_CERTAIN: Final = re.compile(
    rf"{_IN_FRONT}(?P<point>(?:{_DHL})?(?:{_STATION}|{_BRANCH}|DHL[\s-]*filiale|{_SHOP})"
    rf"(?:s?[\s-]*{_SIGN})?{_LINK}[1-9][0-9]{{2}}(?!\w)"
    rf"|(?:(?:{_DHL})?(?:{_STATION}|{_BRANCH})|{_DHL}{_SHOP})\W*$)",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    rf"{_IN_FRONT}(?P<point>(?:(?:{_DHL})?(?:{_STATION}|{_BRANCH})|{_DHL}{_SHOP})(?!-?[^\W\d_])"
    rf"|{_SHOP}\W*$|PS[\s.-]*[1-9][0-9]{{2}}\W*$)",
    re.IGNORECASE,
)
_HINT: Final = re.compile(r"pac?k|filiale|PS", re.IGNORECASE)
"""Part of whatever names a pick-up point; most addresses have none of it."""
_IS_SHOP: Final = re.compile(_SHOP, re.IGNORECASE)
_OTHER_CARRIERS: Final = re.compile(r"(?<!\w)(?:my)?(?:hermes|dpd|gls|ups|fedex|inpost|amazon)(?!\w)", re.IGNORECASE)
_SEPARATORS: Final = re.compile(r"[,;|()\n\r]|\s[-–—/]\s")
_RUN: Final = re.compile(r"\+?\d+(?:[\s./()-]+\d+)*")
_LABELLED: Final = re.compile(rf".*{_LABEL}", re.IGNORECASE)
_OTHERWISE_LABELLED: Final = re.compile(rf".*{_OTHER_LABEL}[\w.-]*{_LINK}(?:{_SIGN}\W*)?", re.IGNORECASE)
_UNLABELLED: Final = re.compile(rf"\W*(?:{_SIGN}\W*)?", re.IGNORECASE)
_NUMBER_ALONE: Final = re.compile(rf"\W*(?:{_LABEL}|{_SIGN}\W*)?{_NUMBER}\W*", re.IGNORECASE)

_Kind = Literal["labelled", "bare", "among words", "other"]


@dataclass(frozen=True, slots=True)
class PickUpPoint:
    """An address at a pick-up point, its line in the place of the street; no number where it is not certain."""

    address: ShippingAddress
    post_number: str


def pick_up_point(address: ShippingAddress) -> PickUpPoint | None:
    """Find the pick-up point and the Postnummer in an address; None if it is an ordinary one."""
    texts = {name: getattr(address, name) or "" for name in (*_LINES, "company_name")}
    if not any(map(_HINT.search, texts.values())):
        return None
    foreign = _OTHER_CARRIERS.search(" ".join([address.name, *texts.values()])) is not None
    certain = [name for name in texts if _names_point(_CERTAIN, texts[name], foreign=foreign)]
    places = certain or [name for name in _LINES if _names_point(_NAMED, texts[name], foreign=foreign)]
    if not places or address.country_code not in _COUNTRIES:
        return None
    number = _post_number([address.name, *texts.values()], phone=address.phone_number or "", certain=bool(certain))
    if not (number or certain or address.country_code == "DE"):
        return None  # Austria's Postfilialen hand out without a number
    return PickUpPoint(_put_right(address, places[0]) if number else address, number)


def _names_point(pattern: re.Pattern[str], text: str, *, foreign: bool) -> bool:
    """Return whether a part of the text begins with a pick-up point; a shop may be another carrier's."""
    found = filter(None, map(pattern.match, _SEPARATORS.split(text)))
    return any(not (foreign and _IS_SHOP.search(each["point"])) for each in found)


def _post_number(texts: Iterable[str], *, phone: str, certain: bool) -> str:
    found: dict[_Kind, set[str]] = {"labelled": set(), "bare": set(), "among words": set(), "other": set()}
    digits = "".join(filter(str.isdigit, phone))
    for text in texts:
        for kind, number in _numbers(text):
            found["other" if kind != "labelled" and digits.endswith(number) else kind].add(number)
    is_certain = certain and not found["among words"]
    candidates = found["labelled"] or (found["bare"] if is_certain else set())
    return candidates.pop() if len(candidates) == 1 else ""


def _numbers(text: str) -> Iterator[tuple[_Kind, str]]:
    for part in _parts(text):
        for run in _RUN.finditer(part):
            yield _kind(part[: run.start()], run[0], part[run.end() :]), run[0]


def _parts(text: str) -> Iterator[str]:
    """Divide a text at its separators and around the pick-up point, whose own number is none of the recipient's."""
    for part in _SEPARATORS.split(text):
        point = _CERTAIN.match(part) or _NAMED.match(part)
        yield from (part[: point.start("point")], part[point.end("point") :]) if point else (part,)


def _kind(before: str, number: str, after: str) -> _Kind:
    if not re.fullmatch(_NUMBER, number) or after[:1].isalnum():
        return "other"
    if _LABELLED.fullmatch(before):
        return "labelled"
    if number.startswith("0") or before[-1:].isalnum() or _OTHERWISE_LABELLED.fullmatch(before):
        return "other"
    alone = _UNLABELLED.fullmatch(before) and not any(char.isalnum() for char in after)
    return "bare" if alone else "among words"


def _put_right(address: ShippingAddress, place: str) -> ShippingAddress:
    """Exchange the pick-up point with a Postnummer, or nothing, that stands in the place of the street."""
    street = address.address_line_1
    if place == "address_line_1" or (street and not _NUMBER_ALONE.fullmatch(street)):
        return address
    return replace(address, **{"address_line_1": getattr(address, place), place: street or UNSET})
