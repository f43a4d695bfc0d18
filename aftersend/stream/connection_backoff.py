"""Exponential backoff of the consumer's loops while Redis is away; one log line per change."""

from typing import Final

from aftersend.backoff import Backoff
from aftersend.observe.logs import get_logger

_RETRIES: Final = Backoff(first=0.1, longest=5.0, jitter=1.0)


class ConnectionBackoff:
    """The failures of one consumer's loops, each counted for itself."""

    def __init__(self, **bound: object) -> None:
        self._failures: dict[str, int] = {}
        self._log = get_logger(**bound)

    def succeeded(self, loop: str) -> None:
        """Record a successful step of a loop."""
        if self._failures.pop(loop, 0) and not self._failures:
            self._log.info("redis_back")

    def failed(self, loop: str, code: str) -> float:
        """Record a failed step of a loop; returns the seconds to wait before the next."""
        if not self._failures:
            self._log.warning("redis_lost", code=code)
        count = self._failures[loop] = self._failures.get(loop, 0) + 1
        return _RETRIES.delay(count)
