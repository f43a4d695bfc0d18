"""Faults to inject: per upstream and kind, by probability or for the next n times.

A fault is armed with ``Faults.arm`` (at run time through the control API), tested with ``Faults.strikes`` where it
would happen, and counted. ``calls`` restricts it to some calls (``UpdateSoldItems``, ``POST /orders``, …). The
random source is seeded, so that a run with the same requests in the same order meets the same faults.
"""

from collections import Counter
from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Final

UPSTREAMS: Final = ("afterbuy", "sendcloud", "webhook")

KINDS: Final[dict[str, dict[str, str]]] = {
    "afterbuy": {
        "latency": "answers `seconds` later",
        "half_open": "accepts the request and never answers",
        "reset": "drops the connection before it does anything",
        "http_500": "HTTP 500 with an HTML page",
        "http_503": "HTTP 503 with an HTML maintenance page",
        "html": "an HTML maintenance page with HTTP 200",
        "code_13": "error 13: interface not available, try later",
        "code_14": "error 14: action not available, try later",
        "code_52": "error 52: function not available, try later",
        "code_999": "error 999: temporarily not reachable",
        "quota": "as if the day's 50,000 calls were used up (see the switch `over_quota`)",
        "truncated": "the answer stops in the middle of an element",
        "entity_bomb": "an answer with a document type and nested entities",
        "huge": "a streamed answer of `size` bytes (default 200 MB)",
        "empty": "HTTP 200 with an empty body",
        "lost_answer": "the call is carried out, then the connection drops before the answer",
        "not_shown": "UpdateSoldItems answers Success and changes nothing",
    },
    "sendcloud": {
        "latency": "answers `seconds` later",
        "half_open": "accepts the request and never answers",
        "reset": "drops the connection before it does anything",
        "http_500": "HTTP 500 with an HTML page",
        "http_502": "HTTP 502 with an HTML page",
        "http_503": "HTTP 503 with an HTML page",
        "html": "an HTML page with HTTP 200",
        "truncated": "JSON that stops in the middle",
        "huge": "a streamed answer of `size` bytes (default 200 MB)",
        "empty_429": "429 with an empty body",
        "lost_answer": "the call is carried out, then the connection drops before the answer",
        "not_saved": "POST /orders answers 201, but that order is never saved",
        "refused_field": "POST /orders answers 400 at `paths` (no positions) of every order that has such a field",
        "still_processing": "POST /orders answers 400: a previous request is still being processed",
    },
    "webhook": {
        "lost": "never sent, not even retried",
        "doubled": "sent twice",
        "delayed": "sent `seconds` later",
        "reordered": "held back until the next webhook of this integration has gone",
        "garbage": "followed by a body that is no JSON, validly signed",
        "bad_signature": "followed by a copy with a wrong signature",
    },
}
"""Every kind by upstream, and what it does."""


@dataclass(slots=True)
class ArmedFault:
    """One armed fault; it is over when ``remaining`` reaches 0 (None = no end)."""

    probability: float = 1.0
    remaining: int | None = None
    seconds: float = 0.0
    size: int = 200_000_000
    calls: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


class Faults:
    """All armed faults and how often each has struck."""

    def __init__(self, seed: int = 1) -> None:
        self._armed: dict[tuple[str, str], ArmedFault] = {}
        self._random = Random(seed)  # noqa: S311 - faults want repeatability, not secrecy
        self.struck: Counter[str] = Counter()

    def arm(self, upstream: str, kind: str, fault: ArmedFault) -> None:
        """Arm a fault in the place of one of the same kind; ValueError if there is no such kind."""
        if kind not in KINDS.get(upstream, {}):
            raise ValueError(f"there is no fault {upstream}/{kind}")
        self._armed[upstream, kind] = fault

    def disarm(self, upstream: str | None = None, kind: str | None = None) -> None:
        """Disarm one fault, those of one upstream, or all."""
        for key in list(self._armed):
            if upstream in {None, key[0]} and kind in {None, key[1]}:
                del self._armed[key]

    def strikes(self, upstream: str, kind: str, call: str = "") -> ArmedFault | None:
        """Return the fault if it happens now (then it is counted and used up by one), else None."""
        fault = self._armed.get((upstream, kind))
        if fault is None or (fault.calls and call not in fault.calls) or self._random.random() >= fault.probability:
            return None
        self.struck[f"{upstream}/{kind}"] += 1
        if fault.remaining is not None:
            fault.remaining -= 1
            if fault.remaining <= 0:
                del self._armed[upstream, kind]
        return fault

    def any_of(self, upstream: str, kinds: tuple[str, ...], call: str) -> tuple[str, ArmedFault] | None:
        """Return the first of several faults that happens now."""
        for kind in kinds:
            if fault := self.strikes(upstream, kind, call):
                return kind, fault
        return None

    def armed(self) -> list[dict[str, Any]]:
        """Return the armed faults for the control API."""
        return [{"upstream": key[0], "kind": key[1], **asdict(fault)} for key, fault in self._armed.items()]
