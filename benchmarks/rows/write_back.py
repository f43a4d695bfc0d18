"""A backlog of labels, worked off, with answers of Afterbuy at once or after 20 ms."""

from contextlib import ExitStack
from dataclasses import replace
from itertools import count

from benchmarks.child import Child
from benchmarks.race import Race, Run, race
from benchmarks.result import Line, Target
from benchmarks.stage import Stage

_ORDERS = 2000
_first = count(10_000_000, 1_000_000)
"""Each run writes orders of its own: what a former one wrote would need no write."""


def measure(stage: Stage, pairs: int) -> list[Line]:
    """Upstream at once."""
    found = _race(stage, pairs, latency=0)
    return [found.throughput(Target(0.5)), found.cost(Target(800, most=True, unit="µs"))]


def measure_slow(stage: Stage, pairs: int) -> list[Line]:
    """Upstream after 20 ms: at least 1,000 orders a second or as many as the floor."""
    found = _race(stage, pairs, latency=0.02)
    ours, floor = found.median_rates()
    throughput = found.throughput(Target(min(1000, floor), unit="/s"))
    return [replace(throughput, value=ours), found.cost()]


def _race(stage: Stage, pairs: int, *, latency: float) -> Race:
    stage.set(latency=latency)
    with ExitStack() as stack:
        ours = stack.enter_context(Child("ours.write_back", environ=stage.environ("writer")))
        floor = stack.enter_context(Child("floors.write_back", environ=stage.environ("writer")))

        def run(child: Child) -> Run:
            before = stage.counts()["written"]
            found = Run.of(child.ask(first=next(_first), orders=_ORDERS))
            assert stage.counts()["written"] - before == _ORDERS
            stage.redis.flushall()
            return found

        path = f"write-back, backlog of {_ORDERS:,}, {latency * 1000:.0f} ms"
        found = race(path, "order", lambda: run(ours), lambda: run(floor), pairs=pairs)
    stage.set(latency=0)
    return found
