"""From a v2 parcel to an event: one decoder for the webhook and for the sweep.

Both deliver the same object with some sixty fields, most of them personal. ``Parcel`` names the few that the bridge
needs; msgspec skips all others without building them. Any field may be odd (see ``lenient``); only a parcel whose id or
number cannot be read is ``Malformed``, because guessing would be worse.

Of a webhook only the envelope is decoded at first: ``action`` decides whether the parcel is looked at.
``integration_credentials`` carries a secret key and is dropped unread, like everything that is not about a parcel::

    not JSON, no action, a parcel without id ───────────────────────────────────> Malformed
    a test, an integration, a return, an unknown action, a parcel without number ──> Ignored(reason)
    anything else ──────────────────────────────────────────────────────────────> ParcelEvent

A parcel without number is worth nothing yet, unless it was cancelled: then an earlier event may have brought one.
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
"""Actions that may be logged, also those that nobody has heard of yet: whatever else comes may be anything."""
_LARGEST_STATUS: Final = 10**9
_LARGEST_COLLO: Final = 10**4


class Reason(StrEnum):
    """Why a webhook needs no work."""

    TEST = "test"
    INTEGRATION = "integration"
    RETURN = "return"
    NO_NUMBER = "no_number"
    UNKNOWN_ACTION = "unknown_action"


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing to do; ``action`` is Sendcloud's word for what happened, empty if it is made of other words than ours."""

    reason: Reason
    action: str = ""


class Parcel(msgspec.Struct, frozen=True):
    """A v2 parcel in Sendcloud's spelling, as far as it matters; any field may be anything."""

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
    """Reduce one body; ``received`` is the time of receipt in ms. ``Malformed`` if nobody can make sense of it."""
    _check_utf8(body)
    envelope = decode(body, _Envelope)
    reason = _about_no_parcel(envelope.action)
    if reason is not None:
        return Ignored(reason, envelope.action if _ACTION.fullmatch(envelope.action) else "")
    time = lenient.timestamp(envelope.timestamp, received=received)
    event = parcel_event(decode_parcel(envelope.parcel), received=received, time=time)
    idle = nothing_to_do(event)
    return event if idle is None else Ignored(idle, PARCEL_CHANGED)


def swept_event(body: bytes | Raw, *, received: int) -> ParcelEvent:
    """A parcel of a list: its own ``date_updated`` says when."""
    parcel = decode_parcel(body)
    time = lenient.updated(parcel.date_updated, received=received)
    return parcel_event(parcel, received=received, time=time)


def decode_parcel(body: bytes | Raw) -> Parcel:
    """One parcel object, not judged yet."""
    return decode(body, Parcel, at="parcel")


def parcel_event(parcel: Parcel, *, received: int, time: int | None) -> ParcelEvent:
    """What the bridge needs of a parcel; ``received`` and ``time`` in ms. ``Malformed`` without id."""
    name = _id(parcel.id)
    external = lenient.text(parcel.external_order_id)
    return ParcelEvent(
        parcel=name,
        status=_status(parcel.status),
        received=received,
        time=None if time is None else min(time, received),
        number=_number(parcel.tracking_number),
        url=lenient.link(parcel.tracking_url),
        carrier=lenient.text(_inner(parcel.carrier, "code")),
        collo=lenient.whole(parcel.collo_nr, largest=_LARGEST_COLLO) or 0,
        is_return=lenient.truth(parcel.is_return),
        external_order_id="" if external == name else external,
        order_number=lenient.text(parcel.order_number),
    )


def nothing_to_do(event: ParcelEvent) -> Reason | None:
    """Why an event needs no work; None if it does."""
    if event.is_return:
        return Reason.RETURN
    if not event.number and parcel_class(event.status) is not ParcelClass.CANCELLED:
        return Reason.NO_NUMBER
    return None


def _about_no_parcel(action: str) -> Reason | None:
    if action == PARCEL_CHANGED:
        return None
    if action in _RETURNS:
        return Reason.RETURN
    kind = action.partition("_")[0]
    return Reason(kind) if kind in {Reason.TEST, Reason.INTEGRATION} else Reason.UNKNOWN_ACTION


def _id(value: object) -> str:
    digits = lenient.text(value).lstrip("0")
    if not digits or not lenient.is_digits(digits):
        raise Malformed("no_id", "parcel.id")
    return digits


def _number(value: object) -> str:
    """The tracking number, invisible characters removed; cutting a strange one short would invent another."""
    visible = "".join(filter(str.isprintable, value)).strip() if isinstance(value, str) else value
    if not visible:
        return ""
    number = lenient.text(visible)
    if not number:
        raise Malformed("unreadable_number", "parcel.tracking_number")
    return number


def _status(value: object) -> int:
    status = lenient.whole(_inner(value, "id"), largest=_LARGEST_STATUS)
    return -1 if status is None else status


def _inner(value: object, key: str) -> object:
    """``{"code": "dhl"}`` and plain ``"dhl"`` say the same."""
    return value.get(key) if isinstance(value, dict) else value


def _check_utf8(body: bytes) -> None:
    """The decoder looks only at what it builds; JSON with other bytes anywhere is no JSON."""
    try:
        body.decode()
    except UnicodeDecodeError:
        raise Malformed("not_utf8") from None
