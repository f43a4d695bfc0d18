"""Routes: whether a gateway takes an HTTPRoute, derived from the object alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.times import unix_time

_MAX_CHARS: Final = 300
_WANTED: Final = ("Accepted", "ResolvedRefs")


@dataclass(frozen=True, slots=True)
class Route:
    """What the controller of a gateway says of a route; a gateway that does not exist has none."""

    created: float
    """Unix time."""
    accepted: bool = False
    refusal: str = ""
    """Why the gateway does not serve it, in its controller's own words."""


def route_of(live: Manifest) -> Route | None:
    """Derive the state; None for other kinds."""
    if live.get("kind") != "HTTPRoute":
        return None
    metadata = live["metadata"]
    parents = live.get("status", {}).get("parents") or ()
    refusals = [_refusal(parent.get("conditions") or (), metadata.get("generation", 0)) for parent in parents]
    created = unix_time(metadata.get("creationTimestamp"))
    return Route(created, accepted="" in refusals, refusal=next(iter(refusals), ""))


def _refusal(conditions: Iterable[dict[str, Any]], generation: int) -> str:
    """Return why the route is not served; empty as well until the controller has seen the route as it is now."""
    for condition in conditions:
        is_seen = condition.get("observedGeneration", generation) >= generation
        if is_seen and condition.get("type") in _WANTED and condition.get("status") == "False":
            text = str(condition.get("message") or condition.get("reason") or "not accepted")
            return text.partition("\n")[0][:_MAX_CHARS]
    return ""
