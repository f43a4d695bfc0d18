"""Span, count, duration and remaining budget of one call to an upstream, however it ends.

outcome        the call
ok             got a usable answer
transient      may succeed later
credentials    was refused for our credentials
rejected       was refused for one order
own            was not sent: a secret is missing or wrong
bug            was one that no correct client sends
cancelled      ended early, or by an error that is none of ours
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aftersend.errors import AftersendError, CredentialsRefused, Misconfigured, Rejected, Transient
from aftersend.observe.meter import CallMeter
from aftersend.observe.traces import span

_OUTCOMES: Final = {
    Transient: "transient",
    CredentialsRefused: "credentials",
    Rejected: "rejected",
    Misconfigured: "own",
}


@contextmanager
def measured_call(client_span: span, meter: CallMeter, *, budget: Callable[[], tuple[float, float]]) -> Iterator[None]:
    """Measure the block as one call; ``budget`` returns the calls that remain after it, and their limit."""
    started = time.monotonic()
    outcome = "cancelled"
    with client_span:
        try:
            yield
            outcome = "ok"
        except AftersendError as error:
            outcome = outcome_of(error)
            raise
        finally:
            client_span.set(outcome=outcome)
            meter.observe(outcome, time.monotonic() - started)
            meter.budget(*budget())


def outcome_of(error: AftersendError) -> str:
    """Return the label ``outcome`` of a failed call."""
    return next((word for kind, word in _OUTCOMES.items() if isinstance(error, kind)), "bug")
