"""Meters: the metrics of one tenant and one upstream, stream or circuit breaker."""

from aftersend.observe.context import sampled_trace_id
from aftersend.observe.metrics import Metrics


def exemplar() -> dict[str, str] | None:
    """Return the current trace as exemplar, if it is recorded; only OpenMetrics scrapes show it."""
    trace = sampled_trace_id()
    return {"trace_id": trace} if trace else None


class UpstreamMeter:
    """The ``CallMeter`` of one tenant and one upstream."""

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
        """Show how many calls are left; without a first value there is no series."""
        self._budget.labels(*self._names).set(remaining)
        self._limit.labels(*self._names).set(limit)


class StreamMeter:
    """The meter of the consumer of one stream."""

    def __init__(self, metrics: Metrics, tenant: str, stream: str) -> None:
        self._handled = metrics.events_handled
        self._tenant = tenant
        self._stream = stream
        self._lost = metrics.events_lost.labels(tenant, stream)
        self._replaced = metrics.streams_replaced.labels(tenant, stream)

    def handled(self, outcome: str) -> None:
        """Count an event that was acknowledged, delayed or moved to the dead letters."""
        self._handled.labels(self._tenant, outcome, self._stream).inc()

    def lost(self, count: int) -> None:
        """Count entries that vanished from the stream unhandled."""
        self._lost.inc(count)

    def replaced(self) -> None:
        """Count a stream that was replaced because its ids were exhausted."""
        self._replaced.inc()


class CircuitMeter:
    """The meter of one upstream's circuit breaker; it starts closed."""

    def __init__(self, metrics: Metrics, tenant: str, upstream: str) -> None:
        self._open = metrics.circuit_open.labels(tenant, upstream)
        self._refused = metrics.credentials_refused.labels(tenant, upstream)
        self.show(is_open=False, refused=False)

    def show(self, *, is_open: bool, refused: bool) -> None:
        """Show whether calls are suspended, and whether refused or missing credentials are the cause."""
        self._open.set(is_open)
        self._refused.set(refused)
