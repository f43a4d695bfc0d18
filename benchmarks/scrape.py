"""What does Prometheus get from a service, and how long does it wait for it?

    python benchmarks/scrape.py [--orders 300] [--json]

A whole simulated day has passed before, so that every label that occurs is there. Each service is asked 50 times over
one connection; the median counts. Asked every 30 seconds, a service spends milliseconds / 300 per cent of a core on it.
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import aiohttp
from sight.figures import Figure, print_figures

from aftersend_demo.display import SilentDisplay
from aftersend_demo.environment import PARTS, DemoEnvironment
from aftersend_demo.main import live_through

_TIMES = 50


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Size and time of a scrape.")
    parser.add_argument("--orders", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    return print_figures(asyncio.run(measure(options.orders)), as_json=options.json)


async def measure(orders: int) -> list[Figure]:
    """After the day, all services one after the other."""
    with tempfile.TemporaryDirectory() as name, DemoEnvironment(Path(name), orders=orders) as demo:
        await live_through(demo, SilentDisplay())
        async with aiohttp.ClientSession() as http:
            found = [await scraped(http, f"http://127.0.0.1:{demo.admin_ports[part]}/metrics") for part in PARTS]
    figures = [Figure("series of one tenant, all services together", sum(series for _, _, series in found), "", 399)]
    for part, (ms, size, _) in zip(PARTS, found, strict=True):
        figures += [Figure(f"{part}: a scrape", ms, "ms", 20), Figure(f"{part}: its size", size, "KB", 64)]
    return figures


async def scraped(http: aiohttp.ClientSession, url: str) -> tuple[float, float, int]:
    """Milliseconds, kilobytes and series of one scrape."""
    times = []
    for _ in range(_TIMES):
        begin = time.perf_counter()
        async with http.get(url) as answer:
            text = await answer.text()
        times.append((time.perf_counter() - begin) * 1000)
    series = sum(not line.startswith("#") for line in text.splitlines())
    return round(statistics.median(times), 1), round(len(text.encode()) / 1024, 1), series


if __name__ == "__main__":
    sys.exit(main())
