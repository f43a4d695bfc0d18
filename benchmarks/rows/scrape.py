"""What Prometheus gets from the services after a whole simulated day, when every label has occurred."""

import asyncio
import statistics
import tempfile
import time
import urllib.request
from pathlib import Path

from aftersend_demo.display import SilentDisplay
from aftersend_demo.environment import PARTS, DemoEnvironment
from aftersend_demo.main import live_through
from benchmarks.result import Line, Target
from benchmarks.stage import Stage

_ORDERS, _TIMES = 300, 50


def measure(_: Stage, __: int) -> list[Line]:
    """Live through the day, then ask each service many times."""
    with tempfile.TemporaryDirectory() as name, DemoEnvironment(Path(name), orders=_ORDERS) as demo:
        asyncio.run(live_through(demo, SilentDisplay()))
        found = [_scraped(f"http://127.0.0.1:{demo.admin_ports[part]}/metrics") for part in PARTS]
    (series, size, slowest) = sum(each[0] for each in found), *(max(each[of] for each in found) for of in (1, 2))
    return [
        Line("scrape", "series of a tenant", str(series), "", "", series, Target(399, most=True)),
        Line("scrape", "the largest", f"{size:.0f} KB", "", "", size, Target(64, most=True, unit="KB")),
        Line("scrape", "the slowest", f"{slowest:.1f} ms", "", "", slowest, Target(20, most=True, unit="ms")),
    ]


def _scraped(url: str) -> tuple[int, float, float]:
    """Series, kilobytes and milliseconds (median) of one service."""
    times, text = [], b""
    for _ in range(_TIMES):
        begun = time.perf_counter()
        with urllib.request.urlopen(url) as answer:
            text = answer.read()
        times.append((time.perf_counter() - begun) * 1000)
    series = sum(not line.startswith(b"#") for line in text.splitlines())
    return series, len(text) / 1024, statistics.median(times)
