"""Waiting for what other processes will do: by condition, never by time."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], object], what: str, *, seconds: float = 180) -> None:
    """Return as soon as ``condition`` holds; fail with ``what`` if that takes too long."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(0.1)
