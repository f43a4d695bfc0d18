"""Parse and format numbers and times in Afterbuy's spelling.

    decimals   112,30 · 1.234,50 · 0 · 5.9     with a comma, dots are thousands; without one, a dot is the point
               1'234,50 · 1,234.50             of comma and dot, the one further right is the point
               1.234.567 · 1,234,567           several of a kind are thousands
    amounts    19,90 EUR · € 19,90 · 19,-      decimals, with the account's currency or none
    weights    0,75 kg · 750 g · 1.500 g       decimals, with their unit or none; of grams, a dot is thousands
    times      01.09.2026 09:05:00 · 1.9.2026 9:05 · 01.09.2026 · 2026-09-01T09:05:00        Europe/Berlin
               2026-09-01T09:05:00+02:00 · 2026-09-01T07:05:00.123Z                          with an offset
    flags      1 · -1 · True · ja        0 · False · nein

Empty texts and white space mean "absent": every reader returns None. Anything else that cannot be parsed raises
``Unreadable``, which carries no text: a field may hold the name of a person.

The hour that occurs twice in October is read as its first occurrence; the hour that never was in March as the
hour after it. Years before 1970 and 9999 are a database's placeholder for "no date" (01.01.0001, 31.12.9999).
What no order can hold (a trillion and more) is ``Unreadable``, so that no later computation overflows.
Source: Afterbuy's general documentation and recorded answers (GetAfterbuyTime gives Berlin time beside UTC).
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

BERLIN: Final = ZoneInfo("Europe/Berlin")

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_PLAIN: Final = re.compile(r"[0-9]{1,9}(?:[.,][0-9]{1,2})?")
"""What nearly every number looks like; it means the same in each spelling."""
_GROUPING: Final = re.compile(r"(?<=[0-9])[ \xa0\u2009\u202f'’](?=[0-9]{3}(?![0-9]))|(?<=^[+-])\s+")
_ODD_CHARACTERS: Final = str.maketrans("−", "-", "\u200b\u2060\ufeff")
_THOUSANDS: Final = re.compile(r"[+-]?[0-9]{1,3}(?:(?:\.[0-9]{3}){2,}|(?:,[0-9]{3}){2,})")
_NO_CENTS: Final = re.compile(r",\s?[-–—]{1,2}$")
_EUROS: Final = re.compile(r"(?:€|EUROS?|EUR)?\s*(.*?)\s*(?:€|EUROS?|EUR\.?)?", re.IGNORECASE | re.DOTALL)
_WEIGHT: Final = re.compile(r"(.*?)\s*(?:(kgs?|kilo(?:gramm)?s?)|(gr?|gramm))?\.?", re.IGNORECASE | re.DOTALL)
_GRAMS: Final = re.compile(r"[0-9]{1,3}\.[0-9]{3}")
_LARGEST: Final = 10**12
_LONGEST_NUMBER: Final = 30
_TIME_OF_DAY: Final = r"(?:,?[T\s]+([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:[.,][0-9]{1,9})?)?(?:\s*Uhr)?)?"
_OFFSET: Final = re.compile(
    r"(.*[0-9]:[0-9]{2}(?:[.,][0-9]+)?)\s*(?:(Z)|([+-])([01][0-9]|2[0-3])(?::?([0-5][0-9]))?)", re.IGNORECASE
)
_GERMAN: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})" + _TIME_OF_DAY)
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})" + _TIME_OF_DAY)
_REMEMBERED: Final = 1024
"""Texts: prices, weights and times occur again and again."""
_FIRST_YEAR: Final = 1970
_NO_YEAR: Final = 9999
_TRUE: Final = frozenset({"1", "-1", "true", "yes", "ja"})
_FALSE: Final = frozenset({"0", "false", "no", "nein"})


class Unreadable(Exception):  # noqa: N818 - a domain word
    """A text could not be parsed; deliberately without the text."""


@lru_cache(maxsize=_REMEMBERED)
def read_decimal(text: str) -> Decimal | None:
    """Parse a number."""
    if _PLAIN.fullmatch(text):
        return Decimal(text.replace(",", "."))
    text = _GROUPING.sub("", text.translate(_ODD_CHARACTERS).strip())
    if not text:
        return None
    if _THOUSANDS.fullmatch(text):
        text = text.replace(".", "").replace(",", "")
    elif text.rfind(".") > text.rfind(",") > -1:
        text = text.replace(",", "")
    elif "," in text:
        text = text.replace(".", "").replace(",", ".")
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        raise Unreadable
    value = Decimal(text)
    if abs(value) >= _LARGEST:
        raise Unreadable
    return value


@lru_cache(maxsize=_REMEMBERED)
def read_amount(text: str) -> Decimal | None:
    """Parse an amount in the account's currency."""
    if _PLAIN.fullmatch(text):
        return read_decimal(text)
    found = _EUROS.fullmatch(text.strip())
    return _beside(text, _NO_CENTS.sub("", found[1] if found else text))


@lru_cache(maxsize=_REMEMBERED)
def read_weight(text: str) -> tuple[Decimal | None, str]:
    """Parse a weight and its unit: ``kg``, ``g``, or an empty text if none is named."""
    found = _WEIGHT.fullmatch(text.strip())
    number, kilos, grams = found.groups() if found else (text, None, None)
    if grams and _GRAMS.fullmatch(number):
        number = number.replace(".", "")
    return _beside(text, number), "kg" if kilos else "g" if grams else ""


def _beside(text: str, number: str) -> Decimal | None:
    """Parse the number of a text that may hold a unit; a unit alone is unreadable."""
    if text.strip() and not number.strip():
        raise Unreadable
    return read_decimal(number)


@lru_cache(maxsize=_REMEMBERED)
def read_whole(text: str) -> int | None:
    """Parse a count; ``2,00`` counts as 2, ``1,5`` is unreadable."""
    value = read_decimal(text)
    if value is None:
        return None
    if value != value.to_integral_value():
        raise Unreadable
    return int(value)


def read_flag(text: str) -> bool | None:
    """Parse a yes or no in one of its many spellings."""
    text = text.strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if text:
        raise Unreadable
    return None


def read_id(text: str) -> str:
    """Parse an OrderID or ItemID: digits without leading zeros; ``0`` if there is none."""
    text = text.strip()
    if not text:
        return "0"
    if len(text) > _LONGEST_NUMBER or not (text.isascii() and text.isdigit()):
        raise Unreadable
    return text.lstrip("0") or "0"


@lru_cache(maxsize=_REMEMBERED)
def read_time(text: str, zone: ZoneInfo = BERLIN) -> datetime | None:
    """Parse a date with or without time of day, in local time of ``zone`` unless it has an offset; returns it aware."""
    text = text.strip()
    if not text:
        return None
    if german := _GERMAN.fullmatch(text):
        day, month, year, *clock = german.groups()
    elif offset := _OFFSET.fullmatch(text):
        return _with_offset(*offset.groups(), zone=zone)
    elif iso := _ISO.fullmatch(text):
        year, month, day, *clock = iso.groups()
    else:
        raise Unreadable
    if not _FIRST_YEAR <= int(year) < _NO_YEAR:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in clock)
        moment = datetime(int(year), int(month), int(day), hour, minute, second, tzinfo=zone)
    except ValueError:
        raise Unreadable from None
    return moment.astimezone(UTC).astimezone(zone)


def _with_offset(
    text: str, utc: str | None, sign: str, hours: str, minutes: str | None, *, zone: ZoneInfo
) -> datetime | None:
    local = read_time(text, ZoneInfo("UTC"))
    ahead = timedelta() if utc else timedelta(hours=int(hours), minutes=int(minutes or 0))
    return local and (local + ahead if sign == "-" else local - ahead).astimezone(zone)


def format_time(moment: datetime) -> str:
    """Format an aware time as ``dd.MM.yyyy HH:mm:ss``, Berlin wall clock."""
    return moment.astimezone(BERLIN).strftime("%d.%m.%Y %H:%M:%S")
