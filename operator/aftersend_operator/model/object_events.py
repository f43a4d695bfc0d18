"""Kubernetes' events about one object: which of them says why it waits.

========================================  ========================================================================
the newest event                          says
========================================  ========================================================================
a warning, or ``FailedBinding``           why it waits
that a pod is waited for, or was made     nothing is wrong
that a volume is being made               nothing, until the object has waited for ``PROVISION_SECONDS``
========================================  ========================================================================

The last kind is skipped while there are others: drivers report it before every try, so that what a claim waits for
would come and go.
"""

import re
from collections.abc import Iterable
from typing import Any, Final

from aftersend_operator.model.naming import Manifest

PROVISION_SECONDS: Final = 120.0
"""How long a driver may take to make a volume."""
_FAILED: Final = frozenset({"FailedBinding"})
"""Reasons of a claim that mean a fault, although their type is Normal."""
_BEING_MADE: Final = frozenset({"ExternalProvisioning", "Provisioning"})
_OF_A_POD: Final = re.compile(
    r'^create Pod \S+ in StatefulSet \S+ failed error: (pods "[^"]*" is forbidden: )?', re.IGNORECASE
)
"""The name of the next try's pod says nothing."""
_MAX_CHARS: Final = 300


def reason_to_wait(events: Iterable[Manifest], *, age: float) -> str:
    """Return why an object of this age waits, in Kubernetes' own words; empty if nothing is wrong."""
    ordered = sorted(events, key=_time)
    telling = [event for event in ordered if event.get("reason") not in _BEING_MADE]
    if telling:
        return _words(telling[-1]) if _is_fault(telling[-1]) else ""
    return _words(ordered[-1]) if ordered and age >= PROVISION_SECONDS else ""


def _is_fault(event: Manifest) -> bool:
    return event.get("type") == "Warning" or event.get("reason") in _FAILED


def _words(event: Manifest) -> str:
    return _OF_A_POD.sub("", str(event.get("message", "")).partition("\n")[0])[:_MAX_CHARS]


def _time(event: Manifest) -> tuple[str, str]:
    """Return when it happened last; within one second the younger event counts."""
    series: dict[str, Any] = event.get("series") or {}
    last = series.get("lastObservedTime") or event.get("lastTimestamp") or event.get("eventTime")
    return str(last or event["metadata"].get("creationTimestamp")), str(event["metadata"].get("creationTimestamp"))
