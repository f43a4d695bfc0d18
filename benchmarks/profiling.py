"""Where the processor time of a path goes: a profile of one run, by module and by function, as text.

    python -m benchmarks.profiling webhook|export|write-back|sweep

The share of a module is that of its own code, without what it calls. A profiler makes small functions look dearer than
they are: compare profiles with each other, not with the seconds of the table.
"""

import pstats
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack
from heapq import nlargest
from operator import itemgetter
from pathlib import Path

from benchmarks.child import Child
from benchmarks.rows.webhook import Service
from benchmarks.stage import Stage

_UNITS, _FIRST, _SHOWN = 500, 1_000_000, 12
_Function = tuple[str, int, str]


def main() -> None:
    """Profile one path and print."""
    path = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        file = Path(folder) / "profile"
        PATHS[path](stage, str(file))
        own = {function: values[2] for function, values in pstats.Stats(str(file)).stats.items()}  # type: ignore[attr-defined]
    own = {function: seconds for function, seconds in own.items() if not _waits(function)}
    print(_shares("module", _by(own, _module)), _shares("function", _by(own, _name)), sep="\n")


def _webhook(stage: Stage, file: str) -> None:
    with ExitStack() as stack:
        Service(stage, stack, "ours", BENCH_PROFILE=file).run()


def _worker(module: str, part: str) -> Callable[[Stage, str], None]:
    def run(stage: Stage, file: str) -> None:
        stage.set(afterbuy_orders=_UNITS, sendcloud_parcels=_UNITS, sendcloud_first=_FIRST)
        with Child(module, environ=stage.environ(part, BENCH_PROFILE=file)) as child:
            child.ask(first=_FIRST, orders=_UNITS, parcels=_UNITS, times=2)

    return run


PATHS: dict[str, Callable[[Stage, str], None]] = {
    "webhook": _webhook,
    "export": _worker("ours.export", "exporter"),
    "write-back": _worker("ours.write_back", "writer"),
    "sweep": _worker("ours.sweep", "exporter"),
}


def _waits(function: _Function) -> bool:
    return "epoll" in function[2] or "acquire" in function[2]


def _by(own: dict[_Function, float], name: Callable[[_Function], str]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for function, seconds in own.items():
        found[name(function)] += seconds
    return found


def _module(function: _Function) -> str:
    """The package, and of ours the room in it; what is written in C has no file."""
    file = function[0]
    if not file.startswith("/"):
        return "in C"
    _, _, inside = file.rpartition("site-packages/")
    parts = Path(inside if inside != file else file).with_suffix("").parts
    ours = [place for place, part in enumerate(parts) if part.startswith("aftersend")]
    if ours:
        return "/".join(parts[ours[-1] :][:2])
    return parts[0] if inside != file else parts[-2] if parts[-2] in ("asyncio", "json") else "standard library"


def _name(function: _Function) -> str:
    return function[2] if not function[0].startswith("/") else f"{_module(function)}: {function[2]}"


def _shares(head: str, found: dict[str, float]) -> str:
    whole = sum(found.values())
    rows = [
        f"| {name} | {seconds / whole:.0%} |" for name, seconds in nlargest(_SHOWN, found.items(), key=itemgetter(1))
    ]
    return "\n".join([f"| {head} | share |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    main()
