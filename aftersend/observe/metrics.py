"""Every metric of the bridge in one place: names, labels, units.

One ``Metrics`` belongs to one process and holds its own registry, so that two of them (tests, several tenants in one
process) never collide. ``tenant`` is always the first label; all other labels have few values: outcomes, reasons,
codes, names of streams and upstreams. Never an order, never a URL. Gauges whose value lives in Redis are set by the
services now and then, so that a scrape never waits for Redis.

Dashboards and alerts are checked against ``Metrics().registry``: renaming a metric here breaks them in CI.
"""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from aftersend import __version__

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """All metrics of one process. Counters get ``_total`` appended by the Prometheus client."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter, which nobody reads
        self.registry = registry or CollectorRegistry()
        self._orders()
        self._events()
        self._upstreams()
        self._process()

    def _orders(self) -> None:
        self.orders = self._counter(
            "orders", "Decisions of export runs, by outcome (sent, unchanged, skipped, rejected…).", "outcome", "reason"
        )
        self.problems = self._gauge("problems", "Orders that a person must look at, by code.", "code")
        self.last_success = self._gauge(
            "last_success_timestamp_seconds", "Unix time of the last success: export, sweep, writeback, backup.", "kind"
        )

    def _events(self) -> None:
        self.webhooks = self._counter("webhooks", "Webhook calls by how they were answered.", "outcome")
        self.events_handled = self._counter(
            "events_handled", "Events that a consumer finished, by outcome.", "outcome", "stream"
        )
        self.events_lost = self._counter("events_lost", "Stream entries that vanished unhandled: must be 0.", "stream")
        self.event_age = self._gauge("event_age_seconds", "Age of the oldest unhandled event.", "stream")
        self.events_waiting = self._gauge("events_waiting", "Events not finished yet, delayed ones included.", "stream")
        self.dead_letters = self._gauge("dead_letters", "Events given up, waiting for a person.", "stream")

    def _upstreams(self) -> None:
        self.upstream_requests = self._counter(
            "upstream_requests", "Calls to Afterbuy and Sendcloud by outcome.", "upstream", "outcome"
        )
        self.upstream_seconds = Histogram(
            "aftersend_upstream_request_seconds",
            "Duration of calls to Afterbuy and Sendcloud.",
            ["tenant", "upstream"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.write_race = Histogram(
            "aftersend_write_race_seconds",
            "From reading an order in Afterbuy to the answer to its update: a person's edit in between is not seen.",
            ["tenant"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.upstream_budget = self._gauge(
            "upstream_budget_remaining", "Calls left in the current window of the upstream.", "upstream"
        )
        self.circuit_open = self._gauge("circuit_open", "1 while calls to the upstream are suspended.", "upstream")

    def _process(self) -> None:
        self.redis_durable = self._gauge(
            "redis_durable", "1 if Redis keeps what it confirms: AOF, noeviction (0.5: up to a second may be lost)."
        )
        build = Gauge("aftersend_build_info", "Always 1.", ["version", "python"], registry=self.registry)
        build.labels(__version__, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"aftersend_{name}", text, ["tenant", *labels], registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"aftersend_{name}", text, ["tenant", *labels], registry=self.registry)


class UpstreamMeter:
    """What a client reports about its calls: the ``CallMeter`` of one tenant and one upstream."""

    def __init__(self, metrics: Metrics, tenant: str, upstream: str) -> None:
        self._metrics = metrics
        self._names = (tenant, upstream)
        self._seconds = metrics.upstream_seconds.labels(tenant, upstream)
        self._budget = metrics.upstream_budget

    def observe(self, outcome: str, seconds: float) -> None:
        """Count one call and its duration."""
        self._metrics.upstream_requests.labels(*self._names, outcome).inc()
        self._seconds.observe(seconds)

    def budget(self, remaining: float) -> None:
        """Show how many calls are left; a tenant that never learnt it shows no such series."""
        self._budget.labels(*self._names).set(remaining)


class StreamMeter:
    """What a consumer reports about its stream."""

    def __init__(self, metrics: Metrics, tenant: str, stream: str) -> None:
        self._metrics = metrics
        self._tenant = tenant
        self._stream = stream
        self._lost = metrics.events_lost.labels(tenant, stream)

    def handled(self, outcome: str) -> None:
        """One event is finished or moved on, to be tried later or dead."""
        self._metrics.events_handled.labels(self._tenant, outcome, self._stream).inc()

    def lost(self, count: int) -> None:
        """Entries vanished from the stream unhandled."""
        self._lost.inc(count)
