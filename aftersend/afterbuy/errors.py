"""Errors of Afterbuy: one table from codes to our error types.

Afterbuy answers HTTP 200 whatever happens; errors are in ``CallStatus`` and ``ErrorCode``. Codes come in any
combination, so the gravest one decides, in this order::

    CredentialsRefused   the account is not ours to use: no other code of this answer matters
    Transient            temporary: other codes may be its consequence, the next answer will not have them
    Bug                  a request that no correct client sends; also every code that we do not know
    Rejected             about orders of this call
    (15 alone)           nothing found: an empty result, no error

``Success`` with an error code is a failure all the same. Reads accept warnings, writes do not: after a warning it is
unknown what was written. Source: Afterbuy's list of error codes, and clients that run against real accounts.
"""

from collections.abc import Iterable
from typing import Final

from aftersend.afterbuy.answer import Envelope
from aftersend.afterbuy.model import AFTERBUY
from aftersend.errors import AftersendError, Bug, CredentialsRefused, Rejected, Transient

NOTHING_FOUND: Final = 15
_CREDENTIALS: Final = {
    **dict.fromkeys((4, 5, 6, 7), "Afterbuy misses a part of the credentials"),
    8: "Afterbuy refuses the partner's credentials: see partnerToken",
    **dict.fromkeys((9, 71, 72), "Afterbuy does not know the account: see accountToken"),
    10: "the account may not use the interface: the merchant orders it in Afterbuy",
    11: "Afterbuy has blocked the account",
    **dict.fromkeys((35, 38), "Afterbuy has not approved the partner for this call: see partnerToken"),
    60: "the interface of the account is disabled or cancelled: the merchant orders it in Afterbuy",
}
"""What a code means, in words for the person who has to act."""
_TEMPORARY: Final = frozenset({13, 14, 52, 999, 3004})
_ABOUT_ORDERS: Final = frozenset({32, 33, 44, 59, 74, 98})
_WARNINGS_ABOUT_ORDERS: Final = frozenset({12, 13, 44})
_MOST_DIGITS: Final = 6


def read_refusal(envelope: Envelope) -> AftersendError | None:
    """Return the error of a read; None if its answer is usable: success or warning, or an empty result."""
    codes = _numbers(envelope.errors)
    if codes:
        serious = [code for code in codes if code != NOTHING_FOUND]
        return _gravest(serious, order="") if serious else None
    if envelope.errors or envelope.status not in {"success", "warning"}:
        return Transient("status_unclear", upstream=AFTERBUY)
    return None


def write_refusal(envelope: Envelope, *, order: str = "") -> AftersendError | None:
    """Return the error of an update; None after plain success. ``order`` is the OrderID of a call with one order."""
    codes = _numbers(envelope.errors)
    if codes:
        return _gravest(codes, order=order)
    if envelope.warnings or envelope.status == "warning":
        return _warned(_numbers(envelope.warnings), order=order)
    if envelope.errors or envelope.status != "success":
        return Transient("status_unclear", upstream=AFTERBUY)
    return None


def status_refusal(status: int, *, retry_after: str = "") -> AftersendError:
    """Return the error of an HTTP status other than 200; redirects are not followed: the keys are in the body."""
    if status in {401, 403}:
        return CredentialsRefused(f"http_{status}", upstream=AFTERBUY)
    seconds = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
    return Transient(f"http_{status}", upstream=AFTERBUY, retry_after=seconds)


def _gravest(codes: Iterable[int], *, order: str) -> AftersendError:
    code = min(codes, key=_gravity)
    name = f"code_{code}"
    if code in _CREDENTIALS:
        return CredentialsRefused(name, upstream=AFTERBUY, cure=_CREDENTIALS[code])
    if code in _TEMPORARY:
        return Transient(name, upstream=AFTERBUY)
    if code in _ABOUT_ORDERS or code == NOTHING_FOUND:
        return Rejected(name, upstream=AFTERBUY, order=order)
    return Bug(name, upstream=AFTERBUY)


def _gravity(code: int) -> int:
    if code in _CREDENTIALS:
        return 0
    if code in _TEMPORARY:
        return 1
    return 3 if code in _ABOUT_ORDERS or code == NOTHING_FOUND else 2


def _warned(codes: list[int], *, order: str) -> AftersendError:
    for code in codes:
        if code in _WARNINGS_ABOUT_ORDERS:
            return Rejected(f"warning_{code}", upstream=AFTERBUY, order=order)
    return Transient(f"warning_{codes[0]}" if codes else "warning", upstream=AFTERBUY)


def _numbers(codes: Iterable[str]) -> list[int]:
    return [int(code) for code in codes if len(code) <= _MOST_DIGITS and code.isascii() and code.isdigit()]
