"""Memory with little and with much to do: what grows with the work shows in the ratio of the peaks.

Each size is measured in a process of its own, once: memory does not depend on what else the machine does.
"""

from benchmarks.child import Child
from benchmarks.result import Line, Target
from benchmarks.stage import Stage

_ORDERS, _EVENTS = (5_000, 50_000), (2_000, 50_000)
_MOST = Target(1.1, most=True)


def measure(stage: Stage, _: int) -> list[Line]:
    """An export, then a backlog, each small and large."""
    exports = [_export(stage, orders) for orders in _ORDERS]
    backlogs = [_backlog(stage, events) for events in _EVENTS]
    stored = exports[-1]
    return [
        _line(f"export, {_ORDERS[0]:,} and {_ORDERS[1]:,} orders", *(found["peak"] for found in exports)),
        _line(f"write-back, {_EVENTS[0]:,} and {_EVENTS[1]:,} events", *backlogs),
        Line("export", "Redis, an order", f"{stored['redis']:.0f} bytes", "", "", stored["redis"]),
        Line("export", "backup, an order", f"{stored['backup']:.0f} bytes", "", "", stored["backup"]),
    ]


def _line(path: str, small: float, large: float) -> Line:
    ratio = large / small
    return Line(path, "memory at the peak", f"{large:.1f} MB", f"{small:.1f} MB", f"{ratio:.2f}", ratio, _MOST)


def _export(stage: Stage, orders: int) -> dict[str, float]:
    stage.set(afterbuy_orders=orders)
    with Child("ours.export", environ=stage.environ("exporter")) as child:
        found = child.ask(stored=True)
    stage.redis.flushall()
    return found


def _backlog(stage: Stage, events: int) -> float:
    with Child("ours.write_back", environ=stage.environ("writer")) as child:
        found = float(child.ask(first=20_000_000, orders=events)["peak"])
    stage.redis.flushall()
    stage.set(afterbuy_written={})
    return found
