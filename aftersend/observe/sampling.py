"""Whether a new trace is recorded, asked before anything is made of it.

The SDK builds a span's context, kind and attributes and then throws most of them away: with one trace in ten recorded,
the other nine would cost the webhook more than all its metrics. So the id is compared with the recorded share as the
SDK's sampler would. If the trace is wanted, the SDK gets that very id and comes to the same answer; if not, an id in a
``traceparent`` is all there is.
"""

import random
from typing import Final

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

_RECORDED: Final = frozenset("13579bdf")
"""Last digits of flags with the lowest bit set; the second one only says that the trace's id is random."""


class HeadSampler(RandomIdGenerator):
    """The SDK's source of ids, which knows the next trace's already if ``left_out`` took it."""

    def __init__(self) -> None:
        self._next = 0
        self._bound: int | None = None

    def record(self, share: float | None) -> None:
        """Record this share (0 to 1) of the traces that begin here; the rest of a trace follows its beginning.

        None: every span is left to the SDK, because its sampler does not work like that.
        """
        self._bound = None if share is None else TraceIdRatioBased.get_bound_for_rate(share)

    def left_out(self, traceparent: str) -> str:
        """The traceparent of a trace that is not recorded, perhaps a new one; empty if the SDK shall go on with it."""
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
        """The id that was decided upon, else a new one."""
        known, self._next = self._next, 0
        return known or super().generate_trace_id()
