"""Log lines that requests of strangers cause: the first of each kind at once, then one a minute with a count."""

from collections.abc import Hashable
from time import monotonic
from typing import Final

LOG_INTERVAL: Final = 60.0
_MAX_KINDS: Final = 1000
"""More than code can make; should a kind ever hold what comes from outside, memory stays bounded."""


class LogThrottle:
    """Decides which lines are written."""

    def __init__(self) -> None:
        self._kinds: dict[Hashable, tuple[float, int]] = {}

    def suppressed(self, kind: Hashable) -> int | None:
        """Return None if this line is to be left out, else how many of its kind were since the last one."""
        now = monotonic()
        last, left_out = self._kinds.get(kind, (float("-inf"), 0))
        if now - last < LOG_INTERVAL:
            self._kinds[kind] = (last, left_out + 1)
            return None
        self._kinds.pop(kind, None)
        self._kinds[kind] = (now, 0)
        if len(self._kinds) > _MAX_KINDS:
            del self._kinds[next(iter(self._kinds))]
        return left_out
