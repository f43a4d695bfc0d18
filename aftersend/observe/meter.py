"""What a client tells about its calls, without knowing who counts them."""

from typing import Protocol


class CallMeter(Protocol):
    """Counts the calls to one upstream."""

    def observe(self, outcome: str, seconds: float) -> None:
        """One call ended; ``outcome`` is a short word such as ``ok`` or ``transient``."""

    def budget(self, remaining: float, limit: float) -> None:
        """So many calls are left of those that the current window allows."""


class NoMeter:
    """Counts nothing: for one-off calls such as ``aftersend check``."""

    def observe(self, outcome: str, seconds: float) -> None:
        """Do nothing."""

    def budget(self, remaining: float, limit: float) -> None:
        """Do nothing."""
