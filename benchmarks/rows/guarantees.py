"""What each guarantee costs: processor time a unit with everything, and with one thing left out at a time.

All variants take turns. The share is that of the processor time with everything.
"""

from collections.abc import Callable
from contextlib import ExitStack
from itertools import count

from benchmarks.child import Child
from benchmarks.race import Run
from benchmarks.result import Line, Spread
from benchmarks.rows.webhook import Service
from benchmarks.stage import Stage

_ORDERS = 400
_first = count(30_000_000, 1_000_000)
_NO_TRACES = {"OTEL_SDK_DISABLED": "true"}
_WITHOUT: dict[str, dict[str, str]] = {
    "": {},
    "sealing": {"BENCH_WITHOUT": "sealing"},
    "ledger": {"BENCH_WITHOUT": "ledger"},
    "metrics": {"BENCH_WITHOUT": "metrics"},
    "traces": _NO_TRACES,
    "logs": {"AFTERSEND_LOG_LEVEL": "error"},
}
"""Environment of each variant; traces are those of one in ten."""
_WEBHOOK = [name for name in _WITHOUT if name != "ledger"]


def measure(stage: Stage, pairs: int) -> list[Line]:
    """All three paths."""
    stage.set(afterbuy_orders=_ORDERS)
    lines = []
    with ExitStack() as stack:
        services = {name: Service(stage, stack, "ours", **_WITHOUT[name]) for name in _WEBHOOK}
        lines += _costs("webhook", {name: service.run for name, service in services.items()}, pairs)
    for path, module, part in (("export", "ours.export", "exporter"), ("write-back", "ours.write_back", "writer")):
        with ExitStack() as stack:
            lines += _costs(path, {name: _worker(stage, stack, module, part, name) for name in _WITHOUT}, pairs)
    return lines


def _worker(stage: Stage, stack: ExitStack, module: str, part: str, without: str) -> Callable[[], Run]:
    environ = stage.environ(part, **stage.tracing(), **_WITHOUT[without])
    child = stack.enter_context(Child(module, environ=environ))

    def run() -> Run:
        found = Run.of(child.ask(first=next(_first), orders=_ORDERS))
        stage.redis.flushall()
        return found

    return run


def _costs(path: str, variants: dict[str, Callable[[], Run]], rounds: int) -> list[Line]:
    found: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(rounds + 1):
        for name, run in variants.items():
            cost = run().cost
            if number:
                found[name].append(cost)
    whole = found.pop("")
    return [_line(path, name, whole, costs) for name, costs in found.items()]


def _line(path: str, name: str, whole: list[float], costs: list[float]) -> Line:
    share = Spread.of((1 - without / all_) * 100 for all_, without in zip(whole, costs, strict=True))
    ours, without = (f"{Spread.of(values).median:,.0f} µs" for values in (whole, costs))
    shown = f"{share.median:.0f} % ({share.low:.0f}-{share.high:.0f})"
    return Line(f"{path}, cost of {name}", "processor time", ours, f"{without} without", shown, share.median)
