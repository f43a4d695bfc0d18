"""The admin address of every service: ``/healthz``, ``/readyz`` and ``/metrics``, for the platform only.

``/readyz?verbose`` answers JSON with every check and fact by tenant, and when ``/metrics`` was read last; the plain
form is for probes and reads ``ok`` or names what is missing; keys of secrets that are missing are named, too, but fail
it only where nothing can be served without them. ``/metrics`` answers OpenMetrics to clients that accept it.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from aiohttp import hdrs, web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from aftersend.service.health import Health
from aftersend.service.listener import HttpSite
from aftersend.settings import ListenAddress
from aftersend.stream.event import rfc3339


class ProcessMetrics(Protocol):
    """The metrics of a service or of the operator."""

    registry: CollectorRegistry


class AdminServer:
    """Serve the probes of all tenants in this process, and its metrics."""

    def __init__(self, *, healths: Mapping[str, Health], metrics: ProcessMetrics) -> None:
        self._healths = healths
        self._metrics = metrics
        self._last_scrape = ""
        app = web.Application()
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._scrape)
        self._site = HttpSite(app)

    @property
    def port(self) -> int:
        """The port in use."""
        return self._site.port

    async def start(self, address: ListenAddress, *, setting: str = "AFTERSEND_ADMIN_LISTEN") -> None:
        """Listen; ``Misconfigured`` if the address is taken, which names the setting to change."""
        await self._site.start(address, setting=setting)

    async def stop(self) -> None:
        """Stop listening."""
        await self._site.stop()

    async def _healthz(self, _request: web.Request) -> web.Response:
        stalled = [
            f"{tenant} {loop}: silent for {seconds} s"
            for tenant, health in self._healths.items()
            for loop, seconds in health.stalled().items()
        ]
        return _probe_response(stalled)

    async def _readyz(self, request: web.Request) -> web.Response:
        reading = asyncio.ensure_future(self._refresh()) if "verbose" in request.query else None
        checks = {tenant: await health.ready() for tenant, health in self._healths.items()}
        missing = [
            f"{tenant} {name}: {what}" for tenant, found in checks.items() for name, what in found.items() if what
        ]
        if reading is None:
            return _probe_response(missing, notes=self._missing_keys())
        await reading
        body = {
            tenant: {
                "ready": not any(found.values()),
                "checks": found,
                "lastScrape": self._last_scrape,
                **self._healths[tenant].facts,
            }
            for tenant, found in checks.items()
        }
        return web.Response(
            body=msgspec.json.encode(body), content_type="application/json", status=503 if missing else 200
        )

    async def _refresh(self) -> None:
        """Read what metrics and facts show of Redis; a plain probe does without."""
        await asyncio.gather(*(health.refresh() for health in self._healths.values()))

    def _missing_keys(self) -> list[str]:
        found = {name: health.facts.get("missingKeys") for name, health in self._healths.items()}
        return [f"{name} lacks {', '.join(keys)}" for name, keys in found.items() if isinstance(keys, list) and keys]

    async def _scrape(self, request: web.Request) -> web.Response:
        self._last_scrape = rfc3339(time.time())
        await self._refresh()
        encode, content_type = choose_encoder(request.headers.get(hdrs.ACCEPT, ""))
        return web.Response(body=encode(self._metrics.registry), headers={hdrs.CONTENT_TYPE: content_type})


def _probe_response(faults: list[str], *, notes: Sequence[str] = ()) -> web.Response:
    return web.Response(text="\n".join([*(faults or ["ok"]), *notes]) + "\n", status=503 if faults else 200)
