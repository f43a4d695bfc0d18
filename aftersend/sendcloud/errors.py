"""What an answer of Sendcloud means for the caller: from status and body to our error types.

The status decides first, because some bodies are empty (429) or HTML (5xx)::

    401 403            CredentialsRefused
    402 412            Transient: the account has no address or no payment data yet; a person cures it in Sendcloud
    429                Transient, with Retry-After where Sendcloud tells one
    404 408 409 410 425, 5xx, redirects    Transient
    400 413 422        of a write: the orders are to blame, BatchRejected; of a read: our question was, Bug
    any other          Bug

One 400 is no refusal: "We are still processing a previous request". A batch is refused as a whole; pointers such as
``/data/attributes/[3]/shipping_address/city`` name the orders to drop. Of a pointer only our own field names pass, of
an error only its code: ``detail`` and ``title`` may quote what was sent.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from aftersend.errors import AftersendError, Bug, CredentialsRefused, Rejected, Transient
from aftersend.sendcloud.model import SENDCLOUD
from aftersend.sendcloud.pointer import place_and_path

Positions = dict[int, tuple[str, str]]

_CODE: Final = re.compile(r"[a-z][a-z_]{0,60}")
_BUSY: Final = "still processing a previous request"
_REFUSED: Final = frozenset({401, 403})
_ACCOUNT: Final = frozenset({402, 412})
_LATER: Final = frozenset({404, 408, 409, 410, 425})
_CONTENT: Final = frozenset({400, 413, 422})
TOO_MANY: Final = 429
_LONGEST_WAIT: Final = 3600.0


class BatchRejected(Rejected):
    """A batch was refused and nothing of it was saved; ``positions`` says which orders are to blame.

    ``positions`` maps the place in the batch to (code, field path). Empty: nobody can tell, so divide the batch.
    """

    def __init__(self, code: str, positions: Positions) -> None:
        super().__init__(code, upstream=SENDCLOUD)
        self.positions = positions


class Malformed(Rejected):
    """Not JSON of the expected shape, or a parcel without id; ``path`` names the field, never what stands there."""

    def __init__(self, code: str, path: str = "") -> None:
        super().__init__(code, upstream=SENDCLOUD, path=path)


class _Fault(msgspec.Struct, frozen=True):
    """One element of v3 ``errors``; ``status`` (text or number) is not needed."""

    code: Any = None
    detail: Any = None
    source: Any = None


class _Faults(msgspec.Struct, frozen=True):
    errors: list[_Fault] = []


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, batch: int | None = None) -> AftersendError:
    """The error that an answer stands for; ``batch`` is the number of orders sent, None for a read."""
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
    """Seconds that Sendcloud asks for, at most an hour; None if it does not (a date counts as nothing told)."""
    text = headers.get("Retry-After", "").strip()
    usable = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - int() of more may be refused
    return min(float(text), _LONGEST_WAIT) if usable else None


def _about_content(status: int, body: bytes, batch: int | None) -> AftersendError:
    faults = _faults(body)
    if any(_BUSY in fault.detail.lower() for fault in faults if isinstance(fault.detail, str)):
        return Transient("still_processing", upstream=SENDCLOUD)
    if batch is None:
        return Bug(f"http_{status}", upstream=SENDCLOUD)
    code = next((_code(fault) for fault in faults), f"http_{status}")
    return BatchRejected(code, _positions(faults, batch))


def _faults(body: bytes) -> list[_Fault]:
    try:
        return msgspec.json.decode(body, type=_Faults).errors
    except (ValueError, RecursionError, OverflowError):
        return []


def _positions(faults: list[_Fault], batch: int) -> Positions:
    """The first fault of each order."""
    found: Positions = {}
    for fault in faults:
        told = place_and_path(_pointer(fault))
        if told and told[0] < batch:
            found.setdefault(told[0], (_code(fault), told[1]))
    return found


def _pointer(fault: _Fault) -> str:
    pointer = fault.source.get("pointer") if isinstance(fault.source, dict) else None
    return pointer if isinstance(pointer, str) else ""


def _code(fault: _Fault) -> str:
    """Codes are an open set of plain words."""
    return fault.code if isinstance(fault.code, str) and _CODE.fullmatch(fault.code) else "invalid"
