"""What kopf does not tell: when a list is complete, what is missing in it, and that a watch is still at work.

kopf lists each kind once and then watches. If the server has forgotten the version to go on from (410), kopf lists
anew, and shows every object again; but what was deleted in between it shows to nobody. So we look at the lists
themselves, as they pass through the session that we lend to kopf: a list is compared with the cache, and what is not in
it is gone. The same place sees every request for a watch: that is the pulse of the watches. They are asked for anew
every 45 seconds at the latest, so a silence of minutes means that kopf has stopped, whatever its reason.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse

from aftersend.errors import Transient
from aftersend.service.health import Health
from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.kinds import Kind
from aftersend_operator.model.naming import Manifest

MAX_SILENCE_SECONDS: Final = 180.0
_OK: Final = 200


class _ObjectList(msgspec.Struct, frozen=True):
    items: list[Manifest]
    metadata: Manifest


@dataclass(slots=True)
class ListSync:
    """A client middleware for kopf's session; ``complete`` is set when everything was listed once."""

    cache: Cache
    health: Health
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    _scopes: dict[str, tuple[Kind, str]] = field(default_factory=dict)
    """Kind and namespace (empty for all) by path."""
    _missing: set[str] = field(default_factory=set)

    def expect(self, kinds: Iterable[Kind], namespaces: Iterable[str]) -> None:
        """These will be listed and watched."""
        for kind in kinds:
            for namespace in tuple(namespaces) or ("",):
                self._scopes[kind.path(namespace)] = (kind, namespace)
        self._missing.update(self._scopes)

    async def check_complete(self) -> None:
        """A check of readiness."""
        if self._missing:
            raise Transient(f"{len(self._missing)} kinds are not listed yet")

    async def __call__(self, request: ClientRequest, call: ClientHandlerType) -> ClientResponse:
        """Let the call pass and look at the answer."""
        path = request.url.path
        if path not in self._scopes:
            return await call(request)
        if "watch" in request.url.query:
            self.health.heartbeat(path)
            return await call(request)
        self.health.register_loop(path, MAX_SILENCE_SECONDS)
        response = await call(request)
        if response.status == _OK:
            self._compare(path, await response.read())
        return response

    def _compare(self, path: str, body: bytes) -> None:
        kind, namespace = self._scopes[path]
        found = msgspec.json.decode(body, type=_ObjectList)
        for item in found.items:
            item.setdefault("apiVersion", kind.api_version)
            item.setdefault("kind", kind.name)
        self.cache.replace_all(kind, namespace, found.items, version=int(found.metadata["resourceVersion"]))
        self._missing.discard(path)
        if not self._missing:
            self.complete.set()
