"""structlog 26 and redis-py 8.1 import at their top what they can do without, whether it is used or not.

structlog takes rich, and with it pygments, for its tracebacks: ours have none. redis-py takes OpenTelemetry's metrics
for its own: ours go to Prometheus. Both are installed, because the command line and traces use them. Left out, a
service needs 50 MB instead of 54 and loads 580 modules instead of 700. Waits for a switch in both libraries.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_OPTIONAL = ("opentelemetry", "rich")


@contextmanager
def left_out() -> Iterator[None]:
    """Let imports of the optional packages fail within the block, unless they are loaded already."""
    absent = [name for name in _OPTIONAL if name not in sys.modules]
    for name in absent:
        sys.modules[name] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]
