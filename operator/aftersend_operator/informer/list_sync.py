"""List sync: replace the cache with each list that kopf requests, and take its watch requests as heartbeats.

kopf lists each kind once and then watches. If the server has compacted the resource version to resume from (410), kopf
lists again and emits every object; but it emits nothing for objects deleted in between. So a middleware of kopf's HTTP
session reads the lists: what is cached but not listed is removed. It also sees every watch request. kopf renews a watch
every 45 seconds at the latest, so minutes without one mean that kopf has stopped, whatever its reason.
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
    """A client middleware for kopf's session; ``complete`` is set when every scope was listed once."""

    cache: Cache
    health: Health
    complete: asyncio.Event = field(default_factory=asyncio.Event)
    _scopes: dict[str, tuple[Kind, str]] = field(default_factory=dict)
    """Kind and namespace (empty for all) by path."""
    _missing: set[str] = field(default_factory=set)

    def expect(self, kinds: Iterable[Kind], namespaces: Iterable[str]) -> None:
        """Register the kinds and namespaces that will be listed and watched."""
        for kind in kinds:
            for namespace in tuple(namespaces) or ("",):
                self._scopes[kind.path(namespace)] = (kind, namespace)
        self._missing.update(self._scopes)

    async def check_complete(self) -> None:
        """Readiness check: raise ``Transient`` until every scope was listed."""
        if self._missing:
            raise Transient(f"{len(self._missing)} kinds are not listed yet")

    async def __call__(self, request: ClientRequest, call: ClientHandlerType) -> ClientResponse:
        """Pass the call on and read the response of a list."""
        path = request.url.path
        if path not in self._scopes:
            return await call(request)
        if "watch" in request.url.query:
            self.health.heartbeat(path)
            return await call(request)
        self.health.register_loop(path, MAX_SILENCE_SECONDS)
        response = await call(request)
        if response.status == _OK:
            self._replace(path, await response.read())
        return response

    def _replace(self, path: str, body: bytes) -> None:
        kind, namespace = self._scopes[path]
        found = msgspec.json.decode(body, type=_ObjectList)
        for item in found.items:
            item.setdefault("apiVersion", kind.api_version)
            item.setdefault("kind", kind.name)
        self.replace(kind, namespace, found.items, version=int(found.metadata["resourceVersion"]))

    def replace(self, kind: Kind, namespace: str, items: list[Manifest], *, version: int) -> None:
        """Replace what the cache holds of a scope by a complete list."""
        self.cache.replace_all(kind, namespace, items, version=version)
        self._missing.discard(kind.path(namespace))
        if not self._missing:
            self.complete.set()
