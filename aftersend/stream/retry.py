"""What happens to an event after one try: a pure decision by the type of the error and nothing else.

    no error                 Done
    Later                    Delay, not counted: it is not due yet
    StoreAway                Delay, not counted: our own Redis was away, the upstream was not the cause
    CredentialsRefused       Release: the circuit is open now, the event waits behind it as if never tried
    Misconfigured            the same if the circuit is open; else Delay, not counted: no event dies of a wrong file
    Transient                Delay by the schedule; DeadLetter as ``exhausted`` after its last wait
    any unknown exception    the same: the cause may pass, and 27 hours leave time for a fix
    Rejected, Bug            DeadLetter at once: no retry helps

The schedule waits 27 h 36 min altogether. A wait during which the upstream was down as a whole (``disturbed``) is
repeated and does not count, so the horizon counts only time in which the event could succeed. A try that came early
because the circuit closed (see ``wake_up``) is one beside the schedule: if it fails, too, the event waits for what
remained of its wait. Only if that was short, the failure counts: the schedule has 36 minutes to spare.

When is a dead letter made?

    reason             by               cause
    exhausted          decide           the schedule is through, or failures of an unknown class are
    rejected           decide           the upstream or our own rules refuse the event for good
    malformed_entry    decide, promote  a field is missing or unreadable; a delayed member that is no event at all
    malformed_data     decide           the payload is not of the expected shape
    unknown_version    decide           ``v`` is none that this release reads
    unknown_type       decide           ``type`` is none that this release reads
    wrong_seal         decide           not sealed by us, sealed for another place, or no key id in front
    bug                decide           our own code contradicts itself (``Bug``)
    poison             consumer         the process died at two deliveries, and at five more with the entry alone
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

SCHEDULE: Final = (5, 15, 60, 300, 1800, 7200, 18000, 36000, 36000)
"""Seconds to wait after the first, second, … failure; jitter only ever adds."""
JITTER: Final = 0.1
LONG_SECONDS: Final = 15.0
"""Before a wait of this length a probe separates an outage from bad luck."""
LONGEST_SECONDS: Final = 86400
"""The longest Retry-After of an upstream that is followed."""
SHORT_SECONDS: Final = 330.0
"""What remained of a wait is not kept up to this length: five minutes and their jitter."""
LATER_SECONDS: Final = 1.0
STORE_SECONDS: Final = 5.0
"""Redis is back when an event can be delayed at all; the wait keeps a full one from a hot loop."""
MISCONFIGURED_SECONDS: Final = 300.0
REFUSED_SECONDS: Final = 60.0
"""Without a circuit breaker, refused credentials must not turn into a hot loop."""
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
    upstream: str = ""
    """Try again early when the circuit of this upstream closes; empty = not."""


@dataclass(frozen=True, slots=True)
class Release:
    """Give it back as if it had never been delivered."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Give it up; ``reason`` is one of a few words, ``error`` names class and code."""

    reason: str
    error: str


Decision = Done | Delay | Release | DeadLetter


def decide(
    error: Exception | None,
    *,
    attempt: int,
    disturbed: bool = False,
    remaining: float | None = None,
    circuit_open: bool = False,
    jitter: float = 0.0,
) -> Decision:
    """Decide after try number ``attempt`` (from 1); ``jitter`` lies between 0 and 1.

    ``remaining`` is what remained of the wait, in seconds, if the try came early.
    """
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
            return _retry(error, attempt=attempt, disturbed=disturbed, remaining=remaining, jitter=jitter)


def error_text(error: BaseException) -> str:
    """Return class and code of our own errors, the class alone of others: texts of libraries quote their input."""
    name = type(error).__name__
    if not isinstance(error, AftersendError):
        return name
    return f"{name}: {error.code} at {error.path}" if error.path else f"{name}: {error.code}"


def _retry(error: Exception, *, attempt: int, disturbed: bool, remaining: float | None, jitter: float) -> Decision:
    if remaining is not None and not disturbed:
        wait, counted = max(remaining, float(SCHEDULE[0])), False
    elif attempt > len(SCHEDULE) and not disturbed:
        return DeadLetter("exhausted", error_text(error))
    else:
        wait, counted = _stretched(SCHEDULE[min(attempt, len(SCHEDULE)) - 1], jitter), not disturbed
    retry_after = error.retry_after if isinstance(error, Transient) else None
    return Delay(
        max(wait, _stretched(_within(retry_after, 0.0), jitter)),
        counted=counted,
        error=error_text(error),
        upstream=error.upstream if isinstance(error, Transient) and retry_after is None else "",
    )


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
