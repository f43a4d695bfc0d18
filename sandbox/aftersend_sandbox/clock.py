"""The one clock of both simulated accounts: everything dated or due in the sandbox reads it.

It runs with the machine's clock until it is advanced, or reads a base that a test moves itself.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Now, as an aware UTC time; ``advance`` moves it on for good."""

    def __init__(self, base: Callable[[], float] = time.time) -> None:
        self._base = base
        self._offset = 0.0

    def now(self) -> datetime:
        """Return the present moment of the sandbox."""
        return datetime.fromtimestamp(self.seconds(), tz=UTC)

    def seconds(self) -> float:
        """Return the present moment in seconds since 1970."""
        return self._base() + self._offset

    def advance(self, step: timedelta) -> None:
        """Advance the clock; what becomes due by it happens at the next read."""
        self._offset += step.total_seconds()
