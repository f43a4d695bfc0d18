"""Parse and format numbers and times in Afterbuy's spelling.

    decimals   112,30 · 1.234,50 · 0 · 5.9     with a comma, dots are thousands; without one, a dot is the point
               1'234,50 · 1,234.50             of comma and dot, the one further right is the point
    amounts    19,90 EUR · € 19,90             decimals, with the account's currency or none
    weights    0,75 kg · 750 g                 decimals, with their unit or none
    times      01.09.2026 09:05:00 · 1.9.2026 9:05 · 01.09.2026 · 2026-09-01T09:05:00        Europe/Berlin
               2026-09-01T09:05:00+02:00 · 2026-09-01T07:05:00.123Z                          with an offset
    flags      1 · -1 · True · ja        0 · False · nein

Empty texts and white space mean "absent": every reader returns None. Anything else that cannot be parsed raises
``Unreadable``, which carries no text: a field may hold the name of a person.

The hour that occurs twice in October is read as its first occurrence; the hour that never was in March as the
hour after it. Years before 1970 are a database's placeholder for "no date" (01.01.0001, 30.12.1899).
Source: Afterbuy's general documentation and recorded answers (GetAfterbuyTime gives Berlin time beside UTC).
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final
from zoneinfo import ZoneInfo

BERLIN: Final = ZoneInfo("Europe/Berlin")

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
_GROUPING: Final = str.maketrans("", "", " \xa0\u2009\u202f'’")
_EUROS: Final = re.compile(r"(?:€|EUR)?\s*(.*?)\s*(?:€|EUR)?", re.IGNORECASE | re.DOTALL)
_WEIGHT: Final = re.compile(r"(.*?)\s*(kg|g)?", re.IGNORECASE | re.DOTALL)
_LONGEST_NUMBER: Final = 30
_TIME_OF_DAY: Final = r"(?:[T\s]+([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.[0-9]{1,9})?)?)?"
_OFFSET: Final = re.compile(r"(.*[0-9]:[0-9]{2}(?:\.[0-9]+)?)\s*(?:(Z)|([+-])([0-9]{2}):?([0-9]{2}))", re.IGNORECASE)
_GERMAN: Final = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})" + _TIME_OF_DAY)
_ISO: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})" + _TIME_OF_DAY)
_FIRST_YEAR: Final = 1970
_TRUE: Final = frozenset({"1", "-1", "true", "yes", "ja"})
_FALSE: Final = frozenset({"0", "false", "no", "nein"})


class Unreadable(Exception):  # noqa: N818 - a domain word
    """A text could not be parsed; deliberately without the text."""


def read_decimal(text: str) -> Decimal | None:
    """Parse a number."""
    text = text.strip().translate(_GROUPING)
    if not text:
        return None
    if text.rfind(".") > text.rfind(",") > -1:
        text = text.replace(",", "")
    elif "," in text:
        text = text.replace(".", "").replace(",", ".")
    if len(text) > _LONGEST_NUMBER or not _DECIMAL.fullmatch(text):
        raise Unreadable
    return Decimal(text)


def read_amount(text: str) -> Decimal | None:
    """Parse an amount in the account's currency."""
    found = _EUROS.fullmatch(text.strip())
    return read_decimal(found[1] if found else text)


def read_weight(text: str) -> tuple[Decimal | None, str]:
    """Parse a weight and its unit: ``kg``, ``g``, or an empty text if none is named."""
    found = _WEIGHT.fullmatch(text.strip())
    return (read_decimal(found[1]), (found[2] or "").lower()) if found else (read_decimal(text), "")


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


def read_time(text: str, zone: ZoneInfo = BERLIN) -> datetime | None:
    """Parse a date with or without time of day, in local time of ``zone`` unless it has an offset; returns it aware."""
    text = text.strip()
    if not text:
        return None
    if offset := _OFFSET.fullmatch(text):
        return _with_offset(*offset.groups(), zone=zone)
    if german := _GERMAN.fullmatch(text):
        day, month, year, *clock = german.groups()
    elif iso := _ISO.fullmatch(text):
        year, month, day, *clock = iso.groups()
    else:
        raise Unreadable
    if int(year) < _FIRST_YEAR:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in clock)
        moment = datetime(int(year), int(month), int(day), hour, minute, second, tzinfo=zone)
    except ValueError:
        raise Unreadable from None
    return moment.astimezone(UTC).astimezone(zone)


def _with_offset(text: str, utc: str | None, sign: str, hours: str, minutes: str, *, zone: ZoneInfo) -> datetime | None:
    local = read_time(text, ZoneInfo("UTC"))
    ahead = timedelta() if utc else timedelta(hours=int(hours), minutes=int(minutes))
    return local and (local + ahead if sign == "-" else local - ahead).astimezone(zone)


def format_time(moment: datetime) -> str:
    """Format an aware time as ``dd.MM.yyyy HH:mm:ss``, Berlin wall clock."""
    return moment.astimezone(BERLIN).strftime("%d.%m.%Y %H:%M:%S")
