"""What a test wants of the fault proxy for the next calls that match: a failure, or the death of the caller."""

import asyncio
import os
import re
import signal
from dataclasses import dataclass, field

from aiohttp import web

_REASONS = {
    401: "Unauthorized",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}


@dataclass
class Wish:
    """For so many calls whose method and path match."""

    method: str
    path: str
    left: int

    def matches(self, request: web.Request) -> bool:
        """Return True while calls are left."""
        return self.left > 0 and self.method in ("", request.method) and bool(re.search(self.path, request.path_qs))


@dataclass
class WishedFault(Wish):
    """Answer with this status."""

    status: int
    retry_after: int | None
    in_stream: bool


@dataclass
class WishedDeath(Wish):
    """Kill this process at the last of them."""

    pid: int
    obeyed: bool


@dataclass
class Victim:
    """A process to kill at one of its calls that match (``path``: a regular expression for path and object)."""

    pid: int
    path: str
    dead: bool = False
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the call that is under way."""

    def matches(self, request: web.Request, what: str) -> bool:
        """Return True for a call of its work: a watch is none, and stays open."""
        return "watch" not in request.query and bool(re.search(self.path, f"{request.path} {what}"))


def refusal(fault: WishedFault) -> web.Response:
    """Answer as the API server refuses."""
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "status": "Failure",
        "code": fault.status,
        "reason": _REASONS.get(fault.status, "Unknown"),
        "message": f"the fault proxy answers {fault.status}",
    }
    if fault.in_stream:
        return web.json_response({"type": "ERROR", "object": status})
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
    return web.json_response(status, status=fault.status, headers=headers)


def killed(pid: int) -> web.Response:
    """Kill the caller; nothing reads the answer."""
    os.kill(pid, signal.SIGKILL)
    return web.Response(status=503, text="the caller was killed at this call")
