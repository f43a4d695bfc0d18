"""kopf, used for what it is best at: watching many kinds of objects, for ever, through every kind of trouble.

Nothing else of it is used. There are no create, update or delete handlers, no timers and no daemons; so kopf writes
neither finalizers nor annotations, and no deletion ever waits for us. Every event ends in the cache, and the cache
tells the work queue (``reconcile``) who is to be looked at.

A silent watch is given up after 50 seconds and goes on from where it was, so what a broken connection swallowed is seen
within a minute. (The server ends a watch after 45 seconds; it sends a bookmark shortly before, hence the order.) kopf
retries failed calls for as long as the operator lives.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from math import inf
from typing import Any, Final

import kopf

from aftersend_operator.api.access import ApiAccess
from aftersend_operator.api.client import REQUEST_SECONDS, kopf_session
from aftersend_operator.informer.cache import Cache
from aftersend_operator.informer.list_sync import ListSync
from aftersend_operator.model.kinds import CHILDREN, POD, TENANT, Kind, selectors
from aftersend_operator.model.records import key_of, version_of

_SERVER_TIMEOUT: Final = 45
_INACTIVITY_TIMEOUT: Final = 50.0
_LOGIN_INTERVAL: Final = 5.0
"""Between two logins at least."""


class _WatchBackoff:
    """Delays between attempts, without an end."""

    def __iter__(self) -> Iterator[float]:
        yield from (1.0, 2.0, 4.0, 8.0)
        while True:
            yield 15.0


def watch_settings() -> kopf.OperatorSettings:
    """Kopf's settings; no permission beyond the watched kinds is needed."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.networking.request_timeout = REQUEST_SECONDS
    settings.networking.connect_timeout = 10.0
    settings.networking.error_backoffs = _WatchBackoff()
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
    """Handlers that carry every event of these kinds into the cache, and the login."""
    registry, last = kopf.OperatorRegistry(), -inf
    for kind in kinds:
        kopf.on.event(*_selector(kind), registry=registry, id=kind.plural)(_carrier(cache, kind))

    @kopf.on.login(registry=registry, backoff=_LOGIN_INTERVAL)
    async def login(**_: object) -> kopf.AiohttpSession:
        """At the start, and whenever the server knows us no more: then files are read anew.

        A token that is refused may lie there for a while longer. kopf would log in with it as fast as it can.
        """
        nonlocal last
        await asyncio.sleep(last + _LOGIN_INTERVAL - time.monotonic())
        last, access = time.monotonic(), load_access()
        return kopf.AiohttpSession(server=access.server, aiohttp_session=kopf_session(access, list_sync))

    return registry


def _selector(kind: Kind) -> tuple[str, str, str]:
    return kind.group, kind.version, kind.plural


def _carrier(cache: Cache, kind: Kind) -> Callable[..., Any]:
    async def carry(event: dict[str, Any], **_: object) -> None:
        live = event["object"]
        if event["type"] == "DELETED":
            cache.remove(kind, key_of(live), version=version_of(live))
        else:
            cache.upsert(kind, live)

    return carry


def watched_kinds(optional: Sequence[Kind]) -> tuple[Kind, ...]:
    """Tenants, pods, and every kind of child that this cluster has."""
    return (TENANT, POD, *(kind for kind in CHILDREN if not kind.optional or kind in optional))
