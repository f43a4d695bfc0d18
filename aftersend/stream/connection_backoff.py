"""How the loops of one consumer live with a Redis that comes and goes: patiently, and with one line per change."""

import random
from typing import Final

from aftersend.observe.logs import get_logger

_FIRST_SECONDS: Final = 0.1
_LONGEST_SECONDS: Final = 5.0


class ConnectionBackoff:
    """What the loops know about Redis; each loop counts its own failures."""

    def __init__(self, **bound: object) -> None:
        self._failures: dict[str, int] = {}
        self._log = get_logger(**bound)

    def succeeded(self, loop: str) -> None:
        """A step of that loop got through."""
        if self._failures.pop(loop, 0) and not self._failures:
            self._log.info("redis_back")

    def failed(self, loop: str, code: str) -> float:
        """A step of that loop failed; returns how many seconds to wait: growing, with jitter, at most five."""
        if not self._failures:
            self._log.warning("redis_lost", code=code)
        count = self._failures[loop] = self._failures.get(loop, 0) + 1
        return pause(count)


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row."""
    longest = min(_FIRST_SECONDS * 2.0 ** min(failures, 10), _LONGEST_SECONDS)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - no secret
