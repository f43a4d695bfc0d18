"""Decode a v2 parcel to an event: one decoder for the webhook and for the sweep.

Both deliver the same object with some sixty fields, most of them personal. ``Parcel`` names the few that the bridge
needs; msgspec skips all others without building them. Any field may be odd (see ``lenient``); only a parcel whose id or
number cannot be read is ``Malformed``: a guess could reach the buyer.

Of a webhook only the envelope is decoded at first: ``action`` decides whether the parcel is decoded.
``integration_credentials`` carries a secret key and is dropped undecoded, like everything that is not about a parcel::

    not JSON, no action, a parcel without id ───────────────────────────────────> Malformed
    over 90 days between ``timestamp`` and receipt ─────────────────────────────> Ignored(TOO_OLD)
    a test, an integration, a return, an unknown action, a parcel without number ──> Ignored(reason)
    anything else ──────────────────────────────────────────────────────────────> ParcelEvent

A parcel without number is ignored, unless it was cancelled: an earlier event may have brought its number. What is over
90 days old was recorded and sent again: the ledger has forgotten that order, so number and tag would be written back
that people may have removed since.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import Raw

from aftersend.sendcloud import lenient
from aftersend.sendcloud.errors import Malformed
from aftersend.sendcloud.lenient import decode
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend.sendcloud.status import parcel_class

PARCEL_CHANGED: Final = "parcel_status_changed"
_RETURNS: Final = frozenset({"return_created", "return_delivered", "refund_requested"})
_WORDS: Final = (
    "announced|cancelled|changed|connected|created|credentials|deleted|delivered|failed|integration|label|order|parcel|"
    "pickup|refund|requested|return|shipment|status|test|updated|webhook"
)
_ACTION: Final = re.compile(rf"(?:{_WORDS})(?:_(?:{_WORDS})){{0,5}}")
"""Actions that may be logged, unknown ones included: other texts may hold personal data."""
_MAX_AGE_MS: Final = 90 * 86_400_000
"""As long as the ledger keeps an order after its last event."""
_MAX_STATUS: Final = 10**9
_MAX_COLLO: Final = 10**4


class IgnoredReason(StrEnum):
    """The reason why a webhook is ignored; a label of the metric."""

    TOO_OLD = "too_old"
    TEST = "test"
    INTEGRATION = "integration"
    RETURN = "return"
    NO_NUMBER = "no_number"
    UNKNOWN_ACTION = "unknown_action"


@dataclass(frozen=True, slots=True)
class Ignored:
    """A webhook without an event to store; ``action`` is Sendcloud's, empty if it may not be logged."""

    reason: IgnoredReason
    action: str = ""


class Parcel(msgspec.Struct, frozen=True):
    """A v2 parcel in Sendcloud's spelling, reduced to what matters; any field may hold any JSON value."""

    id: Any = None
    status: Any = None
    tracking_number: Any = None
    tracking_url: Any = None
    carrier: Any = None
    collo_nr: Any = None
    is_return: Any = None
    external_order_id: Any = None
    order_number: Any = None
    date_updated: Any = None


class _Envelope(msgspec.Struct, frozen=True):
    action: str
    timestamp: Any = None
    parcel: Raw = Raw(b"null")


def decode_webhook(body: bytes, *, received: int) -> ParcelEvent | Ignored:
    """Decode one body; ``received`` is the time of receipt in ms. ``Malformed`` if it is not of the expected shape."""
    _check_utf8(body)
    envelope = decode(body, _Envelope)
    time = lenient.timestamp(envelope.timestamp, received=received)
    too_old = IgnoredReason.TOO_OLD if time is not None and time < received - _MAX_AGE_MS else None
    reason = _ignored_action(envelope.action)
    if reason is not None:
        return Ignored(too_old or reason, envelope.action if _ACTION.fullmatch(envelope.action) else "")
    event = parcel_event(decode_parcel(envelope.parcel), received=received, time=time)
    idle = too_old or nothing_to_do(event)
    return event if idle is None else Ignored(idle, PARCEL_CHANGED)


def swept_event(body: bytes | Raw, *, received: int) -> ParcelEvent:
    """Map a parcel of a list; its time is ``date_updated``."""
    parcel = decode_parcel(body)
    time = lenient.date_updated(parcel.date_updated, received=received)
    return parcel_event(parcel, received=received, time=time)


def decode_parcel(body: bytes | Raw) -> Parcel:
    """Decode one parcel object."""
    return decode(body, Parcel, at="parcel")


def parcel_event(parcel: Parcel, *, received: int, time: int | None) -> ParcelEvent:
    """Map a parcel to an event; ``received`` and ``time`` in ms. ``Malformed`` without id."""
    name = _id(parcel.id)
    external = lenient.text(parcel.external_order_id)
    return ParcelEvent(
        parcel=name,
        status=_status(parcel.status),
        received=received,
        time=None if time is None else min(time, received),
        number=_number(parcel.tracking_number),
        url=lenient.url(parcel.tracking_url),
        carrier=lenient.text(_inner(parcel.carrier, "code")),
        collo=lenient.integer(parcel.collo_nr, largest=_MAX_COLLO) or 0,
        is_return=lenient.boolean(parcel.is_return),
        external_order_id="" if external == name else external,
        order_number=lenient.text(parcel.order_number),
    )


def nothing_to_do(event: ParcelEvent) -> IgnoredReason | None:
    """Return why an event is ignored; None if it is not."""
    if event.is_return:
        return IgnoredReason.RETURN
    if not event.number and parcel_class(event.status) is not ParcelClass.CANCELLED:
        return IgnoredReason.NO_NUMBER
    return None


def _ignored_action(action: str) -> IgnoredReason | None:
    if action == PARCEL_CHANGED:
        return None
    if action in _RETURNS:
        return IgnoredReason.RETURN
    kind = action.partition("_")[0]
    return (
        IgnoredReason(kind) if kind in {IgnoredReason.TEST, IgnoredReason.INTEGRATION} else IgnoredReason.UNKNOWN_ACTION
    )


def _id(value: object) -> str:
    digits = lenient.text(value).lstrip("0")
    if not digits or not lenient.is_digits(digits):
        raise Malformed("no_id", "parcel.id")
    return digits


def _number(value: object) -> str:
    """Read the tracking number, invisible characters removed; a malformed one is never cut to something else."""
    visible = "".join(filter(str.isprintable, value)).strip() if isinstance(value, str) else value
    if not visible:
        return ""
    number = lenient.text(visible)
    if not number:
        raise Malformed("unreadable_number", "parcel.tracking_number")
    return number


def _status(value: object) -> int:
    status = lenient.integer(_inner(value, "id"), largest=_MAX_STATUS)
    return -1 if status is None else status


def _inner(value: object, key: str) -> object:
    """Unwrap ``{"code": "dhl"}`` to ``"dhl"``; both forms occur."""
    return value.get(key) if isinstance(value, dict) else value


def _check_utf8(body: bytes) -> None:
    """Check all bytes: the decoder checks only what it builds."""
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Malformed("not_utf8") from None
