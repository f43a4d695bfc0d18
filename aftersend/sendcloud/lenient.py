"""Decode JSON values leniently: a value that cannot be read counts as absent.

Real parcels lack fields, have null or ``""`` or ``[]`` for nothing, and numbers as text. Every reader here accepts any
JSON value and returns a clean one or "nothing". No reader raises; ``decode`` does, without quoting its input.

Times. The ``timestamp`` of a webhook is in ms (in seconds according to one page of the documentation); one before 2020
counts as absent. The time of a
parcel, ``date_updated``, is ``DD-MM-YYYY HH:MM:SS`` in UTC; since that second may hold the webhook's own moment, its
end counts. Times in the future are clamped to the time of receipt.
"""

import re
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from aftersend.sendcloud.errors import Malformed

MS_FROM: Final = 10**11
"""A timestamp of this size or more is in ms, below it is in seconds."""
EARLIEST_MS: Final = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1000
"""A webhook's time before 2020 is nonsense."""
_LONGEST_TEXT: Final = 255
_LONGEST_URL: Final = 2048
_LONGEST_DIGITS: Final = 20
_PLACE: Final = re.compile(r" - at `\$\.?([A-Za-z0-9_.\[\]]*)`$")
_DUTCH: Final = re.compile(r"(\d{1,2})-(\d{1,2})-(\d{4})\s+(\d{1,2}):(\d{1,2}):(\d{1,2})", re.ASCII)
_T = TypeVar("_T")


def decode(body: bytes | Raw, kind: type[_T], *, at: str = "") -> _T:
    """Decode JSON of one shape; ``Malformed`` names the path that deviates, ``at`` is the path of ``body`` itself."""
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        # the message quotes values; only the path at its end is ours
        place = _PLACE.search(str(error))
        raise Malformed("unexpected_shape", ".".join(filter(None, (at, place[1] if place else "")))) from None
    except (ValueError, RecursionError, OverflowError):
        raise Malformed("not_json", at) from None


def text(value: object, *, longest: int = _LONGEST_TEXT) -> str:
    """Read a short printable text (Afterbuy's XML cannot carry control characters), an integer as its digits."""
    if type(value) is int:
        value = str(value) if abs(value) < 10**_LONGEST_DIGITS else ""
    if type(value) is not str:
        return ""
    stripped = value.strip()
    return stripped if len(stripped) <= longest and stripped.isprintable() else ""


def url(value: object) -> str:
    """Read an HTTP or HTTPS address."""
    found = text(value, longest=_LONGEST_URL)
    return found if found.startswith(("https://", "http://")) else ""


def integer(value: object, *, largest: int) -> int | None:
    """Read an integer from 0 to ``largest``, also as digits."""
    if isinstance(value, str):
        value = int(value) if is_digits(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= largest else None


def boolean(value: object) -> bool:
    """Read a boolean: true, 1 and the texts that stand for it in real parcels."""
    return value.strip().lower() in {"true", "1", "yes"} if isinstance(value, str) else value is True or value == 1


def is_digits(value: str) -> bool:
    """Return True for plain ASCII digits of a bounded length."""
    return value.isascii() and value.isdigit() and len(value) <= _LONGEST_DIGITS


def timestamp(value: object, *, received: int) -> int | None:
    """Read a webhook's ``timestamp`` (s or ms, number or digits) in ms, not after ``received``; None if implausible."""
    if isinstance(value, str):
        value = int(value) if is_digits(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    ms = value if value >= MS_FROM else value * 1000
    return int(min(ms, received)) if ms >= EARLIEST_MS else None


def date_updated(value: object, *, received: int) -> int | None:
    """Read a parcel's ``date_updated`` in ms, not after ``received``: the end of that second; None if absent."""
    moment = (_dutch(value) or _iso(value)) if isinstance(value, str) else None
    if moment is None or moment.year < 1971:  # noqa: PLR2004 - a placeholder for "no date"
        return None
    ms = moment.microsecond // 1000 or 999
    return min(int(moment.replace(microsecond=0).timestamp()) * 1000 + ms, received)


def _dutch(value: str) -> datetime | None:
    found = _DUTCH.fullmatch(value.strip())
    if found is None:
        return None
    day, month, year, hour, minute, second = map(int, found.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def _iso(value: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
