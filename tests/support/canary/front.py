"""What stands before the sandbox: passes every call on, unless a strange answer waits for it.

The sandbox answers as the real systems do. What they would never say on purpose is said here: answers that quote what
was sent, are cut off, or are of another kind than anybody expects.
"""

from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from lxml import etree

_KEPT = ("Content-Type", "Date", "Link", "Retry-After")
_PASSED = ("Authorization", "Accept", "Content-Type")


@dataclass(frozen=True)
class Strange:
    """An answer to ``call``: ``GetSoldItems`` and its like, or ``POST /v3/orders`` and its like."""

    call: str
    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    about: str = ""
    """Only for a call that names this, for the services also call by themselves."""


class Front:
    """Each strange answer is given once, to the first call that it belongs to."""

    def __init__(self, http: aiohttp.ClientSession, sandbox: str) -> None:
        self._http = http
        self._sandbox = sandbox
        self.waiting: list[Strange] = []
        self.calls: list[str] = []

    def mount(self, app: web.Application) -> None:
        """Serve both APIs."""
        app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        body = await request.read()
        call = _call(request, body)
        self.calls.append(call)
        for strange in self.waiting:
            if strange.call == call and strange.about.encode() in body:
                self.waiting.remove(strange)
                return web.Response(body=strange.body, status=strange.status, headers=strange.headers)
        return await self._pass_on(request, body)

    async def _pass_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in _PASSED if name in request.headers}
        url = f"{self._sandbox}{request.path_qs}"
        async with self._http.request(request.method, url, headers=headers, data=body or None) as answer:
            kept = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
            return web.Response(body=await answer.read(), status=answer.status, headers=kept)


def _call(request: web.Request, body: bytes) -> str:
    if request.path.startswith("/api/"):
        return f"{request.method} {request.path.removeprefix('/api')}"
    return etree.fromstring(body).findtext("AfterbuyGlobal/CallName") or ""
