"""One side goes away for seconds or minutes: exports and sweeps end within a minute of its return.

Consumer, repeats, circuits and retries are the exporter's own, with the times of production; both sides and Redis are
modelled, so that hours pass in virtual time.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest

from aftersend.call_retries import CallRetries
from aftersend.errors import AftersendError, Transient
from aftersend.observe.metrics import Metrics
from aftersend.runs import RunKind, RunRequest, publish
from aftersend.secrets import SecretFiles
from aftersend.stream.consumer import Consumer
from aftersend.stream.event import Event
from aftersend.stream.stream import Stream
from aftersend_exporter.requests.circuits import Circuits
from aftersend_exporter.requests.repeats import RunRepeats
from aftersend_exporter.run_stats import RunStats
from tests.support.stream_kit import TENANT, Meter, keyring_in
from tests.support.virtual_redis import VirtualRedis, wall_clock
from tests.support.virtual_time import run

LATENCY = 0.3
CALLS: dict[RunKind, tuple[str, ...]] = {
    "export": ("sendcloud", "afterbuy", "afterbuy", "sendcloud"),
    "sweep": ("sendcloud", "sendcloud"),
}
MOST_PER_SECOND = 8
"""Two runs at a time, each call a third of a second, and the probe."""


class MemoryState:
    """The tenant's state without Redis."""

    def __init__(self) -> None:
        self._fields: dict[str, str] = {}

    async def get(self, name: str) -> str | None:
        return self._fields.get(name)

    async def set(self, name: str, value: str) -> None:
        self._fields[name] = value

    async def delete(self, name: str) -> None:
        self._fields.pop(name, None)


@dataclass
class Side:
    """An upstream that is away from the tenth second on."""

    name: str
    seconds: float
    how: str
    calls: list[float] = field(default_factory=list)

    async def call(self) -> None:
        now = asyncio.get_running_loop().time()
        self.calls.append(now)
        is_away = 10 <= now < 10 + self.seconds
        await asyncio.sleep(30 if is_away and self.how == "hangs" else LATENCY)
        if is_away:
            raise Transient("timeout" if self.how == "hangs" else "http_503", upstream=self.name)


class Exporter:
    """The exporter of one tenant at work, in virtual time."""

    def __init__(self, folder: Path, sides: dict[str, Side]) -> None:
        self.sides = sides
        self.redis = VirtualRedis()
        self.ended: dict[RunKind, list[tuple[float, str]]] = defaultdict(list)
        """When runs ended, and how."""
        self.runs = Stream(
            cast("Any", self.redis), tenant=TENANT, name="runs", keyring=keyring_in(folder), clock=wall_clock
        )
        self.circuits = Circuits(
            afterbuy=cast("Any", SimpleNamespace(clock=sides["afterbuy"].call)),
            sendcloud=cast("Any", SimpleNamespace(integrations=sides["sendcloud"].call)),
            secrets=lambda name: SecretFiles(folder / name),
            metrics=Metrics(),
            tenant=TENANT,
            clock=lambda: asyncio.get_running_loop().time(),
        )
        self.repeats = RunRepeats(self.runs, cast("Any", MemoryState()), self.circuits, Metrics())

    async def __call__(self, event: Event) -> None:
        """Make the calls of a run."""
        request = event.read(RunRequest)
        stats = RunStats(run=event.id, kind=request.kind)
        repeat = CallRetries(wait=asyncio.sleep, clock=asyncio.get_running_loop().time)
        try:
            for upstream in CALLS[request.kind]:
                await repeat(upstream, self.sides[upstream].call)
        except AftersendError as error:
            stats.record_error(error)
            stats.window_read = False
        self.circuits.record(stats, outcome=stats.outcome)
        summary = stats.summary(seconds=0, problems={}, last_write_back="")
        await self.repeats.run_ended(request, summary)
        self.ended[request.kind].append((asyncio.get_running_loop().time(), stats.outcome))

    async def live(self, *, until: float) -> None:
        """Ask for both kinds of run just before the outage, and once more in the middle of a long one."""
        stop = asyncio.Event()
        consumer = Consumer(self.runs, self, name="one", meter=Meter())
        async with asyncio.TaskGroup() as group:
            for loop in (consumer.run, self.circuits.keep, self.repeats.keep):
                group.create_task(loop(stop))
            for moment in (9.9, 400.0):
                if moment < until - 120:
                    await asyncio.sleep(moment - asyncio.get_running_loop().time())
                    await self.ask()
            await asyncio.sleep(until - asyncio.get_running_loop().time())
            stop.set()

    async def ask(self) -> None:
        for kind in get_args(RunKind):
            await publish(self.runs, RunRequest(kind=kind), source="cron")


@pytest.mark.parametrize("seconds", [1, 8, 30, 90, 1200])
@pytest.mark.parametrize("how", ["refuses", "hangs"])
@pytest.mark.parametrize("away", ["afterbuy", "sendcloud"])
def test_runs_end_within_a_minute_of_the_return(away: str, how: str, seconds: float, tmp_path: Path) -> None:
    sides = {name: Side(name, seconds if name == away else 0, how) for name in ("afterbuy", "sendcloud")}
    exporter = Exporter(tmp_path, sides)
    back = 10 + seconds
    run(exporter.live(until=back + 120))
    for kind, ended in exporter.ended.items():
        at, outcome = ended[-1]
        assert (outcome, at <= back + 60) == ("done", True), (kind, ended)
    assert set(exporter.ended) == set(get_args(RunKind))
    assert (len(exporter.redis.entries), exporter.redis.delayed, exporter.redis.dead) == (0, {}, [])
    for side in sides.values():
        assert max(Counter(map(int, side.calls)).values()) <= MOST_PER_SECOND
    late = [at for at in sides[away].calls if 400 + 120 < at < back]
    assert len(late) <= max(back - 520, 0) / 10, "probes, and a repeat every ten minutes"
