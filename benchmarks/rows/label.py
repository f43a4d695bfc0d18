"""From a label to Afterbuy in calm traffic: one webhook, and the moment at which its update arrives.

The floor are the bare round trips: webhook, XADD, XREADGROUP, read the order, update it.
"""

import asyncio
import time
from contextlib import ExitStack
from itertools import count
from typing import Any

from aftersend.redis.keys import Keys
from aftersend_demo.environment import TENANT
from benchmarks.child import Child
from benchmarks.load import one
from benchmarks.result import Line, Spread, Target
from benchmarks.rows.webhook import Service
from benchmarks.stage import Stage, wait_until_served

_PATH = "label to Afterbuy, calm, 0 ms"
_LABELS_PER_PAIR = 15
_PAUSE = 0.05
_orders = count(5_000_000)


def measure(stage: Stage, pairs: int) -> list[Line]:
    """Send labels to both by turns."""
    with ExitStack() as stack:
        services = [Service(stage, stack, kind) for kind in ("ours", "floors")]
        environ = stage.environ("writer")
        state: dict[Any, Any] = {"recovered": "1", "sweep.cursor": "2026-01-01T00:00:00.000Z"}
        stage.redis.hset(Keys(TENANT).key("state"), mapping=state)
        stack.enter_context(Child("ours.service", "writer", environ=environ))
        floor = stack.enter_context(Child("floors.write_back", "serve", environ=environ))
        wait_until_served(f"http://{environ['AFTERSEND_ADMIN_LISTEN']}/readyz")
        floor.line()
        found = [[_label(stage, service.url) for service in services] for _ in range(pairs * _LABELS_PER_PAIR + 1)][1:]
    stage.redis.flushall()
    ours, bare = (sorted(pair[side] for pair in found) for side in (0, 1))
    ratio = Spread.of(pair[0] / pair[1] for pair in found)
    p50, floor50 = (Spread.of(times).median for times in (ours, bare))
    p99 = ours[int(len(ours) * 0.99)]
    return [
        Line(_PATH, "median", f"{p50:.1f} ms", f"{floor50:.1f} ms", str(ratio), ratio.median, Target(2, most=True)),
        Line(_PATH, "99 of 100", f"{p99:.1f} ms", "", "", p99, Target(1000, most=True, unit="ms")),
    ]


def _label(stage: Stage, url: str) -> float:
    """Milliseconds from the webhook to the update of its order."""
    order = next(_orders)
    sent = asyncio.run(one(url, order))
    arrived = stage.written_at(order)
    time.sleep(_PAUSE)
    return (arrived - sent) * 1000
