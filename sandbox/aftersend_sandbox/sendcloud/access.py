"""Access to the simulated Sendcloud: credentials, limits, the form of refusals, the ``Date`` header of every answer.

Limits count per account: reads in a sliding minute, writes in a sliding minute and a sliding second. A refused request
does not count. 429 has an empty body; a GET with a body is answered 403; wrong keys get the recorded 401 bodies.
"""

import base64
import binascii
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import Any, Final

from aiohttp import web

from aftersend_sandbox.sendcloud.schema import SchemaError
from aftersend_sandbox.world.world import World

MINUTE: Final = 60.0


@dataclass(slots=True)
class Limiter:
    """Sliding windows of one account."""

    world: World
    reads: deque[float] = field(default_factory=deque)
    writes: deque[float] = field(default_factory=deque)

    def wait(self, *, write: bool) -> float:
        """Return 0 if the request may pass (it is counted then), else the seconds until it might."""
        now, limits = self.world.clock.seconds(), self.world.sendcloud.limits
        window = self.writes if write else self.reads
        while window and window[0] <= now - MINUTE:
            window.popleft()
        most = limits.writes_per_minute if write else limits.reads_per_minute
        if len(window) >= most:
            return window[0] + MINUTE - now
        if write and len(window) >= limits.burst and window[-limits.burst] > now - 1:
            return window[-limits.burst] + 1 - now
        window.append(now)
        return 0.0


class RequestRefused(Exception):  # noqa: N818 - an answer, not an error
    """The request is answered with this status and body."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def v2_error(request: web.Request, status: int, message: str) -> RequestRefused:
    """Make the v2 answer with one text in an ``error`` object."""
    error = {"code": status, "request": request.path.lstrip("/"), "message": message}
    return RequestRefused(status, {"error": error})


def v3_errors(status: int, faults: Iterable[SchemaError], world: World) -> RequestRefused:
    """Make the v3 answer with a list of errors with pointers."""
    shown: str | int = status if world.switches.error_status_type == "int" else str(status)
    errors = [
        {"detail": each.detail, "status": shown, "source": {"pointer": each.pointer}, "code": each.code}
        for each in faults
    ]
    return RequestRefused(status, {"errors": errors})


def v3_error(status: int, pointer: str, code: str, detail: str, world: World) -> RequestRefused:
    """Make the v3 answer with a single error."""
    return v3_errors(status, [SchemaError(pointer, code, detail)], world)


def answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Make a JSON answer."""
    return web.json_response(body, status=status, headers=headers)


def set_date(response: web.StreamResponse, world: World) -> None:
    """Set the ``Date`` header that the switch asks for; called last, because aiohttp adds its own."""
    now = world.clock.now()
    match world.switches.date_header:
        case "absent":
            response.headers.pop("Date", None)
        case "unreadable":
            response.headers["Date"] = "half past nine"
        case "right":
            response.headers["Date"] = format_datetime(now, usegmt=True)
        case year:
            response.headers["Date"] = format_datetime(now.replace(year=int(year), day=1), usegmt=True)


def check_keys(request: web.Request, world: World) -> None:
    """Check basic authentication with the two keys; raises Refused 401."""
    known = world.credentials
    if _basic(request.headers.get("Authorization", "")) == f"{known.public_key}:{known.secret_key}":
        return
    if request.path.startswith("/api/v2"):
        raise v2_error(request, 401, "Invalid username/password.")
    raise v3_error(401, "/data", "authentication_failed", "Invalid username/password.", world)


def check_open(request: web.Request, world: World) -> None:
    """Refuse calls of an API that Sendcloud has closed; how it would answer then is a switch."""
    v2, v3 = world.switches.v2_parcels, world.switches.v3_shipments
    if v2 != "open" and request.path.startswith("/api/v2/parcels"):
        raise v2_error(request, int(v2), "This API is no longer available.")
    if v3 != "open" and request.path.startswith("/api/v3/shipments"):
        raise v3_error(int(v3), "/data", "not_found", "This API is no longer available.", world)


def _basic(header: str) -> str:
    scheme, _, coded = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(coded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def too_many(world: World, wait: float) -> web.Response:
    """Make a 429 without a body."""
    headers = {"Retry-After": str(int(wait) + 1)} if world.switches.retry_after == "present" else {}
    return web.Response(status=429, headers=headers)
