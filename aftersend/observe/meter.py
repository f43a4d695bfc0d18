"""The interface through which an upstream client reports its calls."""

from typing import Protocol


class CallMeter(Protocol):
    """Counts the calls to one upstream."""

    def observe(self, outcome: str, seconds: float) -> None:
        """Count one call that ended; ``outcome`` is a short word such as ``ok`` or ``transient``."""

    def budget(self, remaining: float, limit: float) -> None:
        """Show how many of ``limit`` calls are left in the current window."""


class NoMeter:
    """Counts nothing: for one-off calls such as ``aftersend check``."""

    def observe(self, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def budget(self, remaining: float, limit: float) -> None:
        """Do nothing."""
