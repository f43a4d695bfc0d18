"""kopf as a watcher: list and watch many kinds of objects, through every failure.

No other feature of kopf is used: no create, update or delete handlers, no timers, no daemons. So kopf writes neither
finalizers nor annotations, and no deletion ever waits for the operator. Every event goes into the cache, and the cache
enqueues the tenant (``reconcile.work_queue``).

An inactive watch is closed after 50 seconds and resumed from its last resource version, so events lost in a broken
connection arrive within a minute. (The server ends a watch after 45 seconds and sends a bookmark shortly before, hence
the order.) kopf retries failed calls for as long as the operator lives.

It reads whole objects, so Secrets have a watch of their own (``secret_watch``).
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from math import inf
from typing import Any, Final

import kopf

from aftersend.backoff import Backoff
from aftersend_operator.api.access import ApiAccess
from aftersend_operator.api.client import REQUEST_SECONDS, kopf_session
from aftersend_operator.informer.cache import Cache
from aftersend_operator.informer.list_sync import ListSync
from aftersend_operator.model.kinds import CHILDREN, POD, SECRET, TENANT, Kind, selectors
from aftersend_operator.model.records import key_of, version_of

_SERVER_TIMEOUT: Final = 45
_INACTIVITY_TIMEOUT: Final = 50.0
_LOGIN_INTERVAL: Final = 5.0
"""Minimum time between two logins."""


class _EndlessBackoff:
    """The delays between retries; kopf iterates them anew for each request, and gives up where they end."""

    def __iter__(self) -> Iterator[float]:
        return map(Backoff(first=1.0, longest=15.0).delay, count(1))


class _NoDiffs(kopf.DiffBaseStorage):
    """No differences between versions: kopf would copy each object five times, for handlers that are not registered.

    That was most of the operator's processor time while tenants converge.
    """

    def build(self, **_: object) -> kopf.BodyEssence:
        """Return nothing to compare."""
        return kopf.BodyEssence()

    def fetch(self, **_: object) -> None:
        """Return no earlier version."""

    def store(self, **_: object) -> None:
        """Store nothing."""


def watch_settings() -> kopf.OperatorSettings:
    """Build kopf's settings; they need no permission beyond the watched kinds."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = 10.0
    settings.networking.error_backoffs = _EndlessBackoff()
    settings.watching.server_timeout = _SERVER_TIMEOUT
    settings.watching.inactivity_timeout = _INACTIVITY_TIMEOUT
    settings.queueing.idle_timeout = 1.0
    settings.process.ultimate_exiting_timeout = 20.0
    for kind in (*CHILDREN, POD):
        chosen = selectors(kind)
        if "labelSelector" in chosen:
            settings.watching.label_selectors[_selector(kind)] = chosen["labelSelector"]
        if "fieldSelector" in chosen:
            settings.watching.field_selectors[_selector(kind)] = chosen["fieldSelector"]
    return settings


def watch_registry(
    cache: Cache, kinds: Sequence[Kind], *, load_access: Callable[[], ApiAccess], list_sync: ListSync
) -> kopf.OperatorRegistry:
    """Register handlers that put every event of these kinds into the cache, and the login; Secrets are left out."""
    registry, last = kopf.OperatorRegistry(), -inf
    for kind in (each for each in kinds if each is not SECRET):
        kopf.on.event(*_selector(kind), registry=registry, id=kind.plural)(_cache_handler(cache, kind))

    @kopf.on.login(registry=registry, backoff=_LOGIN_INTERVAL)
    async def login(**_: object) -> kopf.AiohttpSession:
        """Log in at the start and after every 401, with credentials read anew from their files.

        A refused token may stay in its file for a while; without the delay kopf would retry it in a busy loop.
        """
        nonlocal last
        await asyncio.sleep(last + _LOGIN_INTERVAL - time.monotonic())
        last, access = time.monotonic(), load_access()
        return kopf.AiohttpSession(server=access.server, aiohttp_session=kopf_session(access, list_sync))

    return registry


def _selector(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural


def _cache_handler(cache: Cache, kind: Kind) -> Callable[..., Any]:
    async def handle(event: dict[str, Any], **_: object) -> None:
        live = event["object"]
        if event["type"] == "DELETED":
            cache.remove(kind, key_of(live), version=version_of(live))
        else:
            cache.upsert(kind, live)

    return handle


def watched_kinds(optional: Sequence[Kind]) -> tuple[Kind, ...]:
    """Return the kinds to watch: tenants, pods, and every kind of child that this cluster serves."""
    return (TENANT, POD, *(kind for kind in CHILDREN if not kind.optional or kind in optional))
