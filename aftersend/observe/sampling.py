"""Head sampling before the SDK builds a span.

The SDK builds a span's context, kind and attributes first and asks its sampler then: with one trace in ten recorded,
the other nine would cost the webhook more than all its metrics. So ``HeadSampler`` compares a new trace id with the
sampling ratio as the SDK's sampler would. For a sampled trace the SDK gets that id and decides the same; an unsampled
one is an id in a ``traceparent`` and nothing else.
"""

import random
from typing import Final

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

_RECORDED: Final = frozenset("13579bdf")
"""Last digits of flags with the lowest bit set; the second one only says that the trace's id is random."""


class HeadSampler(RandomIdGenerator):
    """The SDK's generator of ids, which returns the id that ``unsampled`` has drawn for the next trace."""

    def __init__(self) -> None:
        self._next = 0
        self._bound: int | None = None

    def set_ratio(self, share: float | None) -> None:
        """Sample this share (0 to 1) of the traces that begin here; their later spans follow the parent's flag.

        None leaves every span to the SDK, for samplers that decide by other rules.
        """
        self._bound = None if share is None else TraceIdRatioBased.get_bound_for_rate(share)

    def unsampled(self, traceparent: str) -> str:
        """Return the traceparent of an unsampled trace, perhaps a new one; empty if the SDK has to build the span."""
        if self._bound is None:
            return ""
        if traceparent:
            return "" if traceparent[-1] in _RECORDED else traceparent
        trace_id, span_id = random.getrandbits(128), random.getrandbits(64)
        if trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound:
            self._next = trace_id
            return ""
        return f"00-{trace_id or 1:032x}-{span_id or 1:016x}-00"

    def generate_trace_id(self) -> int:
        """Return the id that ``unsampled`` drew, else a new one."""
        known, self._next = self._next, 0
        return known or super().generate_trace_id()
