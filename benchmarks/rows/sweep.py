"""A sweep of parcels of which the ledger knows every one: nothing is new, so nothing may be written."""

from contextlib import ExitStack

from benchmarks.child import Child
from benchmarks.race import Run, race
from benchmarks.result import Line, Target
from benchmarks.stage import Stage

_PARCELS, _FIRST = 10_000, 1_000_000


def measure(stage: Stage, pairs: int) -> list[Line]:
    """Race two processes that stay up."""
    stage.set(sendcloud_parcels=_PARCELS, sendcloud_first=_FIRST)
    forwarded = 0
    with ExitStack() as stack:
        ours = stack.enter_context(Child("ours.sweep", environ=stage.environ("exporter")))
        floor = stack.enter_context(Child("floors.sweep", environ=stage.environ("exporter")))

        def run(child: Child) -> Run:
            nonlocal forwarded
            found = child.ask(first=_FIRST, parcels=_PARCELS, times=1)
            forwarded += found.get("forwarded", 0)
            stage.redis.flushall()
            return Run.of(found)

        found = race(f"sweep, {_PARCELS:,} parcels", "parcel", lambda: run(ours), lambda: run(floor), pairs=pairs)
    written = Line(found.path, "events written", str(forwarded), "0", "", forwarded, Target(0, most=True))
    return [found.throughput(Target(0.7)), found.cost(), written]
