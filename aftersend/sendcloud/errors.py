"""Errors of Sendcloud: from status and body of a response to our error types.

The status decides first, because some bodies are empty (429) or HTML (5xx)::

    401 403            CredentialsRefused
    402 412            Transient: the account has no address or no payment data yet; a person cures it in Sendcloud
    429                Transient, with Retry-After where Sendcloud sends one
    404 408 409 410 425, 5xx, redirects    Transient
    400 413 422        of a write: BatchRejected, about its orders; of a read: Bug, about our request
    any other          Bug

One 400 is no refusal: "We are still processing a previous request". A batch is refused as a whole; pointers such as
``/data/attributes/[3]/shipping_address/city`` name the orders to drop. Responses may quote what was sent, also in
``detail``, ``title`` and a pointer. So of an error only its code passes, and of a pointer only positions and names of
fields that an order of ours can have.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from aftersend.errors import AftersendError, Bug, CredentialsRefused, Rejected, Transient
from aftersend.sendcloud.model import SENDCLOUD, PushOrder
from aftersend.tenant.field_names import field_names

Positions = dict[int, tuple[str, str]]

_CODE: Final = re.compile(r"[a-z][a-z_]{0,60}")
_BUSY: Final = "still processing a previous request"
_REFUSED: Final = frozenset({401, 403})
_ACCOUNT: Final = frozenset({402, 412})
_LATER: Final = frozenset({404, 408, 409, 410, 425})
_CONTENT: Final = frozenset({400, 413, 422})
TOO_MANY: Final = 429
_LONGEST_WAIT: Final = 3600.0
_POINTER: Final = re.compile(r"^/data(?:/attributes)?/\[?([0-9]{1,3})\]?(?:/(.*))?$", re.DOTALL)
_POSITION: Final = re.compile(r"\[?[0-9]{1,3}\]?")
_FIELDS: Final = field_names(PushOrder)


class BatchRejected(Rejected):
    """A batch was refused and nothing of it was saved; ``positions`` names the orders to drop.

    ``positions`` maps the position in the batch to (code, field path). Empty: unknown, so divide the batch.
    """

    def __init__(self, code: str, positions: Positions) -> None:
        super().__init__(code, upstream=SENDCLOUD)
        self.positions = positions


class Malformed(Rejected):
    """Not JSON of the expected shape, or a parcel without id; ``path`` names the field, never its value."""

    def __init__(self, code: str, path: str = "") -> None:
        super().__init__(code, upstream=SENDCLOUD, path=path)


class _ApiError(msgspec.Struct, frozen=True):
    """One element of v3 ``errors``; ``status`` (text or number) is not needed."""

    code: Any = None
    detail: Any = None
    source: Any = None


class _ErrorList(msgspec.Struct, frozen=True):
    errors: list[_ApiError] = []


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, batch: int | None = None) -> AftersendError:
    """Return the error that a response stands for; ``batch`` is the number of orders sent, None for a read."""
    if status in _REFUSED:
        return CredentialsRefused(f"http_{status}", upstream=SENDCLOUD)
    if status in _ACCOUNT:
        return Transient("account_not_ready", upstream=SENDCLOUD)
    if status == TOO_MANY:
        return Transient("rate_limited", upstream=SENDCLOUD, retry_after=retry_after(headers))
    if status in _CONTENT:
        return _about_content(status, body, batch)
    if status in _LATER or not 400 <= status < 500:  # noqa: PLR2004 - the 4xx
        return Transient(f"http_{status}", upstream=SENDCLOUD, retry_after=retry_after(headers))
    return Bug(f"http_{status}", upstream=SENDCLOUD)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that Sendcloud asks for, at most an hour; None if it does not (a date counts as none)."""
    text = headers.get("Retry-After", "").strip()
    usable = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - int() of more may be refused
    return min(float(text), _LONGEST_WAIT) if usable else None


def _about_content(status: int, body: bytes, batch: int | None) -> AftersendError:
    errors = _errors(body)
    if any(_BUSY in error.detail.lower() for error in errors if isinstance(error.detail, str)):
        return Transient("still_processing", upstream=SENDCLOUD)
    if batch is None:
        return Bug(f"http_{status}", upstream=SENDCLOUD)
    code = next((_code(error) for error in errors), f"http_{status}")
    return BatchRejected(code, _positions(errors, batch))


def _errors(body: bytes) -> list[_ApiError]:
    try:
        return msgspec.json.decode(body, type=_ErrorList).errors
    except (ValueError, RecursionError, OverflowError):
        return []


def _positions(errors: list[_ApiError], batch: int) -> Positions:
    """Return the first error of each order of the batch."""
    found: Positions = {}
    for error in errors:
        match = _POINTER.match(_pointer(error))
        if match and int(match[1]) < batch:
            found.setdefault(int(match[1]), (_code(error), _path(match[2] or "")))
    return found


def _pointer(error: _ApiError) -> str:
    pointer = error.source.get("pointer") if isinstance(error.source, dict) else None
    return pointer if isinstance(pointer, str) else ""


def _path(pointer: str) -> str:
    """Return the path of a field, reduced to positions and names of our fields: the rest may be values."""
    return "/".join(part for part in pointer.split("/") if part in _FIELDS or _POSITION.fullmatch(part))


def _code(error: _ApiError) -> str:
    """Return the error's code, if it is a plain word; the set is open."""
    return error.code if isinstance(error.code, str) and _CODE.fullmatch(error.code) else "invalid"
