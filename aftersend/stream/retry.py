"""What becomes of an event after one try: a pure decision, made from the type of the error and nothing else.

    no error                 Done
    Later                    Delay, not counted: it simply is not due yet
    StoreAway                Delay, not counted: our own Redis was away, the other side was never the matter
    CredentialsRefused       Release: the circuit is open now, the event waits behind it as if never tried
    Misconfigured            the same if the circuit is open; else Delay, not counted: no event dies of a wrong file
    Transient                Delay by the schedule; DeadLetter as ``exhausted`` when the schedule is through
    any unknown exception    the same: it may be the weather, and 27 hours leave time for a fix
    Rejected, Bug            DeadLetter at once: no retry helps

The schedule waits 27 h 35 min altogether. A wait during which the other side was down as a whole (``disturbed``) is
repeated and does not count, so the horizon is counted in time in which the event had a chance.
"""

from dataclasses import dataclass
from typing import Final

from aftersend.errors import (
    AftersendError,
    Bug,
    CredentialsRefused,
    Later,
    Misconfigured,
    Rejected,
    StoreAway,
    Transient,
)

SCHEDULE: Final = (5, 300, 1800, 7200, 18000, 36000, 36000)
"""Seconds to wait after the first, second, … failure; jitter only ever adds."""
JITTER: Final = 0.1
LONGEST_SECONDS: Final = 86400
"""The most we wait because the other side asks us to (Retry-After)."""
LATER_SECONDS: Final = 1.0
STORE_SECONDS: Final = 5.0
"""Redis is back when an event can be delayed at all; a moment keeps a full one from being asked all the time."""
MISCONFIGURED_SECONDS: Final = 300.0
REFUSED_SECONDS: Final = 60.0
"""Where no circuit stops us, refused credentials must not turn into a hot loop."""
_REASONS: Final = frozenset({"malformed_entry", "malformed_data", "unknown_version", "unknown_type"})


@dataclass(frozen=True, slots=True)
class Done:
    """The effect is there: acknowledge and delete."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Try again in so many seconds; ``counted`` says whether this was an attempt."""

    seconds: float
    counted: bool
    error: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """As if it had never been read."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter; ``reason`` is one of a few words, ``error`` names class and code."""

    reason: str
    error: str


Decision = Done | Delay | Release | DeadLetter


def decide(
    error: Exception | None,
    *,
    attempt: int,
    disturbed: bool = False,
    circuit_open: bool = False,
    jitter: float = 0.0,
) -> Decision:
    """The decision after try number ``attempt`` (from 1); ``jitter`` lies between 0 and 1."""
    match error:
        case None:
            return Done()
        case Later() | StoreAway():
            usual = LATER_SECONDS if isinstance(error, Later) else STORE_SECONDS
            return Delay(_within(error.retry_after, usual), counted=False, error=error_text(error))
        case CredentialsRefused() | Misconfigured():
            if circuit_open:
                return Release()
            usual = REFUSED_SECONDS if isinstance(error, CredentialsRefused) else MISCONFIGURED_SECONDS
            return Delay(_stretched(usual, jitter), counted=False, error=error_text(error))
        case Rejected() | Bug():
            return DeadLetter(_reason(error), error_text(error))
        case _:
            return _retry(error, attempt=attempt, disturbed=disturbed, jitter=jitter)


def error_text(error: BaseException) -> str:
    """Class and code of our own errors, the class alone of others: texts of libraries quote their input."""
    name = type(error).__name__
    if not isinstance(error, AftersendError):
        return name
    return f"{name}: {error.code} at {error.path}" if error.path else f"{name}: {error.code}"


def _retry(error: Exception, *, attempt: int, disturbed: bool, jitter: float) -> Decision:
    if attempt > len(SCHEDULE) and not disturbed:
        return DeadLetter("exhausted", error_text(error))
    wait = float(SCHEDULE[min(attempt, len(SCHEDULE)) - 1])
    if isinstance(error, Transient):
        wait = max(wait, _within(error.retry_after, 0.0))
    return Delay(_stretched(wait, jitter), counted=not disturbed, error=error_text(error))


def _reason(error: Rejected | Bug) -> str:
    if isinstance(error, Bug):
        return "bug"
    if error.code in ("wrong_seal", "no_key_id"):
        return "wrong_seal"
    return error.code if error.code in _REASONS else "rejected"


def _within(asked: float | None, default: float) -> float:
    return default if asked is None or asked != asked else min(max(asked, 0.0), LONGEST_SECONDS)  # noqa: PLR0124 - NaN


def _stretched(seconds: float, jitter: float) -> float:
    return seconds * (1 + JITTER * jitter)
