"""A proxy in front of the API server that fails on demand, falls silent, counts, and kills at the n-th call.

Clients speak TLS to it with a certificate of its own authority and authenticate by token, which is passed on unchanged.
``proxy_server`` starts it.
"""

import asyncio
import json
import re
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web

from tools.test_cluster.proxy_wishes import Victim, Wish, WishedDeath, WishedFault, killed, refusal

_OF_ONE_CONNECTION = {"connection", "host", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length"}


@dataclass(frozen=True)
class Call:
    """One request as it came in, and the status that went back."""

    method: str
    path: str
    watch: bool
    status: int
    what: str = ""
    """The object in its body: its name, or the reason of an event."""

    @property
    def step(self) -> tuple[str, str, str]:
        """The key that distinguishes the calls of one reconcile."""
        return self.method, self.path, self.what


@dataclass
class FaultProxy:
    """Faults to inject and calls seen; all of it may be used from any thread."""

    kubeconfig: Path
    calls: list[Call] = field(default_factory=list)
    """Every call so far in the order of their answers; a watch comes when it ends."""
    watches: int = 0
    """How many are open."""
    deaths: set[tuple[tuple[str, str, str], bool]] = field(default_factory=set)
    """The steps at which ``kill_once_at_every`` killed, and whether they were executed before."""
    leaks: list[str] = field(default_factory=list)
    """The calls whose answers held one of the texts of ``look_for``."""
    _wanted: tuple[bytes, ...] = ()
    _target: str = ""
    _wishes: list[Wish] = field(default_factory=list)
    _silent: bool = False
    _stalled: bool = False
    _lost: tuple[str, ...] = ()
    _deaf: str = ""
    _deafened: int = 0
    _kept: bool = False
    _cuts: int = 0
    _revoked: set[str] = field(default_factory=set)
    _victim: Victim | None = None

    def look_for(self, *texts: str) -> None:
        """Note in ``leaks`` every answer from now on that holds one of these texts."""
        self._wanted = tuple(text.encode() for text in texts)

    def fail(
        self,
        status: int,
        *,
        method: str = "",
        path: str = "",
        times: int = 1,
        retry_after: int | None = None,
        in_stream: bool = False,
    ) -> None:
        """Answer the next ``times`` requests that match (``path``: a regular expression for path and query) with this.

        ``in_stream``: a watch begins well and gets the error as an event, as the API server gives it 410.
        """
        self._wishes.append(WishedFault(method, path, times, status, retry_after, in_stream))

    def kill(self, pid: int, *, at: int, method: str = "", path: str = "", obeyed: bool = False) -> None:
        """Kill a process at its ``at``-th matching call: before the API server gets it, or after it was executed."""
        self._wishes.append(WishedDeath(method, path, at, pid, obeyed))

    def kill_once_at_every(self, pid: int, path: str) -> None:
        """Kill a process at its first step that it has not died at before; ``deaths`` remembers over many processes.

        At a write twice: before the API server gets it, and after it was executed. A read changes nothing, so there is
        only one way to die at it. Its calls pass one at a time and none after the fatal one: a write beside it would be
        executed without a death of its own, and the next process has no reason to repeat it.
        """
        self._victim = Victim(pid, path)

    def silence_watches(self) -> None:
        """From now on watches stay open and send nothing, as after a lost connection that was not closed."""
        self._silent = True

    def deafen_watches(self, path: str) -> None:
        """The watches of ``path`` that are open now send nothing any more and stay open; new ones do."""
        self._deaf = path
        self._deafened += 1

    def cut_watches(self) -> None:
        """End all watches that are open now."""
        self._cuts += 1

    def keep_watches(self) -> None:
        """From now on no watch ends: when the API server ends it, bookmarks go on for ever."""
        self._kept = True

    def end_silence(self) -> None:
        """Cut the silent watches; new ones send events."""
        self._silent = False

    def lose(self, *texts: str) -> None:
        """Drop events of watches with one of these texts in them and pass on all others: nothing looks broken."""
        self._lost = texts

    def stall(self) -> None:
        """From now on every request is taken and none is answered."""
        self._stalled = True

    def revoke(self, token: str) -> None:
        """Calls with this token are answered 401 from now on; watches that are open stay so."""
        self._revoked.add(token)

    def heal(self) -> None:
        """Drop all faults, but keep what was revoked."""
        self._wishes.clear()
        self._silent = self._stalled = self._kept = False
        self._lost, self._victim = (), None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        try:
            body = await request.read()
            what = _what(body)
            victim = self._victim
            async with victim.turn if victim and victim.matches(request, what) else nullcontext():
                response = await self._answer(request, body, what)
        except (aiohttp.ClientError, ConnectionError):
            return web.Response(status=502, text="one of the two sides has gone")
        self.calls.append(Call(request.method, request.path, _is_watch(request), response.status, what))
        return response

    async def _answer(self, request: web.Request, body: bytes, what: str) -> web.StreamResponse:
        while self._stalled:  # noqa: ASYNC110 - set from another thread
            await asyncio.sleep(0.05)
        if request.headers.get("Authorization", "").removeprefix("Bearer ") in self._revoked:
            return refusal(WishedFault("", "", 0, 401, None, in_stream=False))
        wish = self._granted(request) or self._death(request, what)
        if isinstance(wish, WishedFault):
            return refusal(wish)
        if wish and not wish.obeyed:
            return killed(wish.pid)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        url = self._target + request.path_qs
        async with request.app[SESSION].request(request.method, url, headers=headers, data=body or None) as answer:
            if wish:
                await answer.read()
                return killed(wish.pid)
            return await self._pass_on(request, answer)

    def _granted(self, request: web.Request) -> WishedFault | WishedDeath | None:
        for wish in self._wishes:
            if wish.matches(request):
                wish.left -= 1
                if isinstance(wish, WishedFault) or (isinstance(wish, WishedDeath) and wish.left == 0):
                    return wish
        return None

    def _death(self, request: web.Request, what: str) -> WishedDeath | None:
        victim = self._victim
        if victim is None or not victim.matches(request, what):
            return None
        if victim.dead:
            raise ConnectionResetError
        step = Call(request.method, request.path, watch=False, status=0, what=what).step
        for obeyed in (True,) if request.method == "GET" else (False, True):
            if (step, obeyed) not in self.deaths:
                self.deaths.add((step, obeyed))
                victim.dead = True
                return WishedDeath("", "", 0, victim.pid, obeyed)
        return None

    async def _pass_on(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OF_ONE_CONNECTION}
        if not _is_watch(request):
            self._search(request, body := await answer.read())
            return web.Response(status=answer.status, headers=kept, body=body)
        response = web.StreamResponse(status=answer.status, headers=kept)
        await response.prepare(request)
        await self._stream(request, answer, response)
        return response

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
        self.watches += 1
        silenced, rest, era, cuts = False, b"", self._deafened, self._cuts
        try:
            while request.transport and not request.transport.is_closing() and (self._silent or not silenced):
                chunk = await _chunk(answer)
                if cuts < self._cuts:
                    return
                silenced = silenced or self._silent
                deaf = era < self._deafened and bool(re.search(self._deaf, request.path))
                if chunk == b"" and self._kept:
                    await asyncio.sleep(0.2)
                    chunk = _BOOKMARK
                if chunk == b"" and not deaf:
                    return
                whole, mark, rest = (rest + (chunk or b"")).rpartition(b"\n")
                self._search(request, whole)
                if not silenced and not deaf and (events := self._without_lost(whole + mark)):
                    await response.write(events)
                await asyncio.sleep(0.2 if chunk == b"" else 0)
        except (aiohttp.ClientError, ConnectionError):
            return
        finally:
            self.watches -= 1
            if answer.connection and answer.connection.transport:
                answer.connection.transport.abort()  # else TLS waits half a minute for a goodbye that never comes

    def _search(self, request: web.Request, body: bytes) -> None:
        if any(text in body for text in self._wanted):
            self.leaks.append(f"{request.method} {request.path_qs}")

    def _without_lost(self, events: bytes) -> bytes:
        kept = [event for event in events.splitlines(keepends=True) if not any(t.encode() in event for t in self._lost)]
        return b"".join(kept)


_BOOKMARK = b'{"type": "BOOKMARK", "object": {"metadata": {}}}\n'
SESSION = web.AppKey("session", aiohttp.ClientSession)


async def _chunk(answer: aiohttp.ClientResponse) -> bytes | None:
    """Read what came in: nothing at the end, None if nothing comes for a moment and other conditions are due."""
    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            return await answer.content.readany()
    return None


def _is_watch(request: web.Request) -> bool:
    return request.query.get("watch", "") in ("1", "true")


def _what(body: bytes) -> str:
    with suppress(ValueError, KeyError, TypeError):
        sent = json.loads(body)
        return str(sent["reason"] if sent["kind"] == "Event" else sent["metadata"]["name"])
    return ""
