"""What clients and consumers report through: the metrics of one tenant and one upstream, or one stream."""

from aftersend.observe.metrics import Metrics
from aftersend.observe.traces import sampled_trace_id


def exemplar() -> dict[str, str] | None:
    """The trace to look at for this very observation, if one is being recorded; shown to OpenMetrics scrapes only."""
    trace = sampled_trace_id()
    return {"trace_id": trace} if trace else None


class UpstreamMeter:
    """What a client reports about its calls: the ``CallMeter`` of one tenant and one upstream."""

    def __init__(self, metrics: Metrics, tenant: str, upstream: str) -> None:
        self._requests = metrics.upstream_requests
        self._names = (tenant, upstream)
        self._seconds = metrics.upstream_seconds.labels(tenant, upstream)
        self._budget = metrics.upstream_budget
        self._limit = metrics.upstream_limit

    def observe(self, outcome: str, seconds: float) -> None:
        """Count one call and its duration."""
        self._requests.labels(*self._names, outcome).inc()
        self._seconds.observe(seconds, exemplar())

    def budget(self, remaining: float, limit: float) -> None:
        """Show how many calls are left; a tenant that never learnt it shows no such series."""
        self._budget.labels(*self._names).set(remaining)
        self._limit.labels(*self._names).set(limit)


class StreamMeter:
    """What a consumer reports about its stream."""

    def __init__(self, metrics: Metrics, tenant: str, stream: str) -> None:
        self._handled = metrics.events_handled
        self._tenant = tenant
        self._stream = stream
        self._lost = metrics.events_lost.labels(tenant, stream)

    def handled(self, outcome: str) -> None:
        """One event is finished or moved on, to be tried later or dead."""
        self._handled.labels(self._tenant, outcome, self._stream).inc()

    def lost(self, count: int) -> None:
        """Entries vanished from the stream unhandled."""
        self._lost.inc(count)


class CircuitMeter:
    """What a circuit breaker shows of one upstream; closed until told otherwise."""

    def __init__(self, metrics: Metrics, tenant: str, upstream: str) -> None:
        self._open = metrics.circuit_open.labels(tenant, upstream)
        self._refused = metrics.credentials_refused.labels(tenant, upstream)
        self.show(is_open=False, refused=False)

    def show(self, *, is_open: bool, refused: bool) -> None:
        """Calls are suspended, perhaps because our credentials are refused or missing."""
        self._open.set(is_open)
        self._refused.set(refused)
