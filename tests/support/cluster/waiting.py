"""Waiting for what other processes will do: by condition, never by time."""

import time
from collections.abc import Callable


def eventually(condition: Callable[[], object], what: str, *, seconds: float = 180) -> None:
    """Return soon after ``condition`` holds; fail with ``what`` if that takes too long.

    It is asked ever less often, down to once a second: mostly that starts a program, which slows down what is awaited.
    """
    deadline, pause = time.monotonic() + seconds, 0.05
    while not condition():
        assert time.monotonic() < deadline, f"still waiting for {what}"
        time.sleep(pause)
        pause = min(1.0, pause * 1.5)
