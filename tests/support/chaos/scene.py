"""A running day under observation: the environment of the demo, the remote control, and what tests read of the inside.

``scene(folder)`` starts embedded Valkey, sandbox and the three services as processes below ``folder`` and ends them
again, whatever happens; every process also ends with the test's. Their logs are in ``folder/logs``.

Nothing here waits for a length of time: ``until`` waits for a condition, with a limit that only a broken product
reaches. The limit is long because the product is patient: what a dead process held is taken over after 60 seconds.
"""

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp

from aftersend import runs
from aftersend.errors import Transient
from aftersend.ledger.store import Ledger
from aftersend.ledger.tenant_state import TenantState
from aftersend.redis.connection import connect
from aftersend.sealing import Keyring
from aftersend.secrets import SecretFiles
from aftersend.stream.stream import Stream
from aftersend_demo.environment import PARTS, TENANT, DemoEnvironment
from aftersend_demo.sandbox_control import SandboxControl

PATIENCE = 300.0
_LOOK = 0.05


class Remote(SandboxControl):
    """The remote control with the knobs that only tests turn."""

    async def state(self) -> dict[str, Any]:
        """All figures of both worlds."""
        found: dict[str, Any] = await self._get("state")
        return found

    async def saved(self) -> list[dict[str, Any]]:
        """All incoming orders as Sendcloud keeps them."""
        found: list[dict[str, Any]] = []
        while True:
            page = await self._get(f"incoming?offset={len(found)}&limit=500")
            found += page["orders"]
            if len(found) >= page["total"] or not page["orders"]:
                return found

    async def order(self, order: str) -> dict[str, Any]:
        """One order in Afterbuy."""
        found: dict[str, Any] = await self._get(f"orders/{order}")
        return found

    async def counted(self) -> dict[str, Any]:
        """The journal's counters: ``tags_added``, ``writes``, ``calls``, …"""
        found: dict[str, Any] = await self._get("journal?limit=0")
        return found

    async def arm(self, upstream: str, kind: str, **how: object) -> None:
        """Arm one fault."""
        await self._post("faults", {"upstream": upstream, "kind": kind, **how})

    async def struck(self) -> dict[str, int]:
        """How often each fault has struck."""
        found: dict[str, int] = (await self._get("faults"))["struck"]
        return found

    async def disarm(self) -> None:
        """End all faults."""
        await self._request("DELETE", "faults")


@dataclass(slots=True)
class Scene:
    """The demo with everything that a test asks of it. ``kills`` counts what was killed."""

    demo: DemoEnvironment
    control: Remote
    http: aiohttp.ClientSession
    parcels: Stream
    requests: Stream
    ledger: Ledger
    state: TenantState
    kills: dict[str, int] = field(default_factory=dict)

    def note(self, text: str) -> None:
        """A line of the story, beside the logs of the services and in their time."""
        with (self.demo.logs / "story.log").open("a") as story:
            story.write(f"{datetime.now(UTC).isoformat()} {text}\n")

    # Processes

    def kill(self, part: str) -> None:
        """SIGKILL; a new process of the same part starts at once."""
        self.note(f"kill {part}")
        self.demo.children[part].kill()
        self.kills[part] = self.kills.get(part, 0) + 1
        self.demo.children[part].start()

    async def kill_redis(self, *, away: Callable[[], Awaitable[bool]] | None = None, lose: bool = False) -> None:
        """SIGKILL Valkey and start it again, once ``away`` holds; with ``lose`` it comes back without its data."""
        self.note("lose Redis" if lose else "kill Redis")
        os.kill(self.demo.valkey.pid, signal.SIGKILL)
        await self.until(self._redis_is_gone, "Valkey ends")
        self.kills["redis"] = self.kills.get("redis", 0) + 1
        if lose:
            shutil.rmtree(self.demo.valkey.folder / "appendonlydir")
        if away is not None:
            await self.until(away, "the services notice that Redis is away")
        await self.demo.valkey.restart()
        self.note("Redis is back")

    async def _redis_is_gone(self) -> bool:
        return not self.demo.valkey.is_running

    async def ready(self) -> None:
        """All services and the sandbox answer."""
        await self.until(self._all_ready, "services are ready")

    async def recovered(self) -> None:
        """The new tenant has had its first sweep, though the exporter may have been there before the sandbox was."""
        if await self.state.recovering():
            await self.complete_run("sweep")
        await self.until(self._has_recovered, "the recovery ends")

    async def _has_recovered(self) -> bool:
        return not await self.state.recovering()

    async def _all_ready(self) -> bool:
        answers = await asyncio.gather(*(self.control.answers(self.demo.ready_url(part)) for part in PARTS))
        return all(answers) and await self.control.answers(self.demo.sandbox_url)

    # Runs

    async def run(self, kind: runs.RunKind) -> runs.RunSummary:
        """Ask for a run and wait for its summary, asking again if the request itself got lost with Redis."""
        name = await self._asked(kind)
        found: list[runs.RunSummary] = []

        async def has_result() -> bool:
            nonlocal name
            summary = await runs.result_of(self.requests.redis, tenant=TENANT, run=name)
            if summary is None and not await self._is_queued():
                summary = await runs.result_of(self.requests.redis, tenant=TENANT, run=name)
                name = name if summary else await self._asked(kind)
            found.extend([summary] if summary else [])
            return bool(found)

        await self.until(has_result, f"the {kind} is done")
        self.note(f"{kind} {name} {found[0].outcome}: {found[0].read} read, {found[0].sent} sent")
        return found[0]

    async def complete_run(self, kind: runs.RunKind) -> runs.RunSummary:
        """Run until nothing is left to be tried again."""
        while True:
            summary = await self.run(kind)
            if summary.outcome == "done":
                return summary

    async def _asked(self, kind: runs.RunKind) -> str:
        names: list[str] = []

        async def asked() -> bool:
            names.append(await runs.publish(self.requests, runs.RunRequest(kind=kind), source="cli"))
            return True

        await self.until(asked, f"the request for the {kind} is stored")
        return names[-1]

    async def _is_queued(self) -> bool:
        return bool(await self.requests.length() or await self.requests.delayed())

    # Silence

    async def quiet(self) -> None:
        """Every webhook has arrived, nothing is queued, no run is under way, and Afterbuy shows what was observed."""
        await self.ready()
        await self.until(self._webhooks_are_through, "webhooks are delivered")
        await self.until(self._is_quiet, "nothing is queued and nothing lags", progress=self.left)
        self.note("quiet")

    async def _webhooks_are_through(self) -> bool:
        await self.control.drain_webhooks()
        return not (await self.control.state())["webhooks_unfinished"]

    async def _is_quiet(self) -> bool:
        if await self.parcels.length() or await self._is_queued():
            return False
        return not [order async for order in self.ledger.lagging(0)]

    async def left(self) -> str:
        """What is not done yet, in a line."""
        lagging = [order async for order in self.ledger.lagging(0)]
        return (
            f"parcels {await self.parcels.length()} (+{await self.parcels.delayed()} delayed), "
            f"runs {await self.requests.length()} (+{await self.requests.delayed()} delayed), lagging {lagging[:20]}"
        )

    async def lost(self) -> float:
        """``aftersend_events_lost_total`` of all services together."""
        total = 0.0
        for part in PARTS:
            async with self.http.get(f"http://127.0.0.1:{self.demo.admin_ports[part]}/metrics") as response:
                lines = (await response.text()).splitlines()
            total += sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("aftersend_events_lost_"))
        return total

    def logged(self, *words: str) -> list[str]:
        """Log lines of all services, of all their lives, that hold one of these words."""
        found: list[str] = []
        for part in PARTS:
            lines = (self.demo.logs / f"{part}.log").read_text().splitlines()
            found += [f"{part}: {line}" for line in lines if any(word in line for word in words)]
        return found

    async def until(
        self,
        condition: Callable[[], Awaitable[bool]],
        what: str,
        *,
        progress: Callable[[], Awaitable[str]] | None = None,
        every: float = _LOOK,
    ) -> None:
        """Wait for a condition; Redis and services may be away meanwhile. Says where to read on if it never holds."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not await _holds(condition):
                    await asyncio.sleep(every)
        except TimeoutError:
            more = f": {await progress()}" if progress else ""
            raise AssertionError(f"never: {what}{more}\nlogs: {self.demo.logs}") from None


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await condition()
    except Transient:
        return False


@asynccontextmanager
async def scene(
    folder: Path, *, orders: int = 300, seed: int = 1, kind: type[DemoEnvironment] = DemoEnvironment
) -> AsyncIterator[Scene]:
    """The demo with its services ready; all gone afterwards. The environment's own coverage settings stay outside."""
    folder.mkdir(parents=True, exist_ok=True)
    with kind(folder, orders=orders, seed=seed) as demo:
        redis = connect(demo.valkey.bare_url, SecretFiles(demo.secrets_dir / "redis"), part="chaos")
        keyring = Keyring(SecretFiles(demo.secrets_dir / "data-key"))
        try:
            async with aiohttp.ClientSession() as http:
                found = Scene(
                    demo=demo,
                    control=Remote(http, url=demo.sandbox_url),
                    http=http,
                    parcels=Stream(redis, tenant=TENANT, name="parcels", keyring=keyring),
                    requests=Stream(redis, tenant=TENANT, name="runs", keyring=keyring),
                    ledger=Ledger(redis, tenant=TENANT, keyring=keyring),
                    state=TenantState(redis, tenant=TENANT),
                )
                await found.ready()
                await found.recovered()
                yield found
        finally:
            await redis.aclose()
