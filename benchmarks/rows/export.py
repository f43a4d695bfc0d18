"""An export of many orders, Switzerland and missing weights among them: without limits, and at Sendcloud's pace."""

from contextlib import ExitStack

from benchmarks.child import Child
from benchmarks.race import Run, race
from benchmarks.result import Line, Target
from benchmarks.stage import Stage

_ORDERS = 5000
_WRITES_PER_MINUTE, _BATCH = 100, 100


def measure(stage: Stage, pairs: int) -> list[Line]:
    """Race two processes that stay up; every run is the first one of a new tenant."""
    stage.set(afterbuy_orders=_ORDERS)
    with ExitStack() as stack:
        ours = stack.enter_context(Child("ours.export", environ=stage.environ("exporter")))
        floor = stack.enter_context(Child("floors.export", environ=stage.environ("exporter")))

        def run(child: Child) -> Run:
            found = Run.of(child.ask())
            stage.redis.flushall()
            return found

        found = race(f"export, {_ORDERS:,} orders", "order", lambda: run(ours), lambda: run(floor), pairs=pairs)
    return [found.throughput(Target(0.5)), found.cost(Target(600, most=True, unit="µs"))]


def measure_limited(stage: Stage, _: int) -> list[Line]:
    """Run one export against limits that answer 429."""
    stage.set(afterbuy_orders=_ORDERS, sendcloud_writes_per_minute=_WRITES_PER_MINUTE)
    before = stage.counts()["refused"]
    with Child("ours.export", "limited", environ=stage.environ("exporter")) as child:
        found = Run.of(child.ask())
    refused = stage.counts()["refused"] - before
    stage.set(sendcloud_writes_per_minute=0)
    stage.redis.flushall()
    allowed = _WRITES_PER_MINUTE * _BATCH / 60
    path, share = f"export, {_ORDERS:,} orders, 100 writes a minute", found.rate / allowed
    return [
        Line(path, "orders a second", f"{found.rate:.0f}/s", f"{allowed:.0f}/s", f"{share:.2f}", share, Target(0.95)),
        Line(path, "answers 429", str(refused), "", "", refused, Target(0, most=True)),
    ]
