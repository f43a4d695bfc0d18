"""Whether a new trace is recorded, asked before anything is made of it.

The SDK builds a span's context, kind and attributes and then throws most of them away: with one trace in ten recorded,
the other nine would cost the webhook more than all its metrics. So the sampler is asked with the id alone. If it takes
the trace, the SDK gets that very id and comes to the same answer; if not, an id in a ``traceparent`` is all there is.
"""

from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler


class Heads(RandomIdGenerator):
    """The SDK's source of ids, which knows the next trace's already if ``begin`` took it."""

    def __init__(self) -> None:
        self._next = 0
        self._sampler: Sampler | None = None

    def ask(self, sampler: Sampler) -> None:
        """From now on ask this one; one that does not follow a trace's beginning is left to the SDK."""
        self._sampler = sampler if isinstance(sampler, ParentBased) else None

    def left_out(self, traceparent: str) -> str:
        """The traceparent of a trace that is not recorded, perhaps a new one; empty if the SDK shall go on with it."""
        if self._sampler is None:
            return ""
        if traceparent:
            return "" if _is_recorded(traceparent) else traceparent
        trace_id = super().generate_trace_id()
        if self._sampler.should_sample(None, trace_id, "").decision is not Decision.DROP:
            self._next = trace_id
            return ""
        return f"00-{trace_id:032x}-{self.generate_span_id():016x}-00"

    def generate_trace_id(self) -> int:
        """The id that was decided upon, else a new one."""
        known, self._next = self._next, 0
        return known or super().generate_trace_id()


def _is_recorded(traceparent: str) -> bool:
    """The lowest bit of the flags; the second one only says that the trace's id is random."""
    return int(traceparent[-1], 16) & 1 == 1
