"""Every metric of the bridge in one place: names, labels, units.

One ``Metrics`` belongs to one process and holds its own registry, so that two of them (tests, several tenants in one
process) never collide. ``tenant`` is always the first label; all other labels have few values: outcomes, reasons,
codes, names of streams and upstreams. Never an order, never a URL. Gauges whose value lives in Redis are set by the
services now and then, so that a scrape never waits for Redis.

Several processes may show the same fact of one tenant (the age of the oldest event, say, which must stay visible when
the writer is gone), so queries take the ``max by (tenant)``. Dashboards, alerts and the catalogue in the docs are
checked against ``Metrics().registry``: renaming a metric here breaks them in CI.
"""

import platform

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from aftersend import __version__

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 10)
_WAY_BACK = (1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14400)
"""300 s is the objective: 99 of 100 parcel numbers are in Afterbuy five minutes after the label."""


class Metrics:
    """All metrics of one process. Counters get ``_total`` appended by the Prometheus client."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series per counter, without a reader
        self.registry = registry or CollectorRegistry()
        self._orders()
        self._events()
        self._upstreams()
        self._redis()
        self._process()

    def _orders(self) -> None:
        self.orders = self._counter(
            "orders", "Decisions of export runs, by outcome (sent, unchanged, skipped, rejected…).", "outcome", "reason"
        )
        self.problems = self._gauge("problems", "Orders that a person must look at, by code.", "code")
        self.notices = self._gauge("notices", "Orders that were sent without data that may be missed, by code.", "code")
        self.runs = self._counter("runs", "Exports and sweeps that ended, by outcome.", "kind", "outcome")
        self.run_repeats = self._counter("run_repeats", "Repeats of failed exports and sweeps.", "kind")
        self.run_seconds = self._gauge("run_duration_seconds", "Duration of the last export or sweep.", "kind")
        self.last_success = self._gauge(
            "last_success_timestamp_seconds",
            "Unix time of the last success: export, sweep, writeback, backup (verified).",
            "kind",
        )
        self.next_due = self._gauge(
            "next_due_timestamp_seconds",
            "Unix time when the tenant's own schedule wants the next export, sweep, backup; in the past: it is late.",
            "kind",
        )

    def _events(self) -> None:
        self.webhooks = self._counter("webhooks", "Webhook calls by how they were answered.", "outcome")
        self.webhook_seconds = self._histogram(
            "webhook_seconds", "From the arrival of a signed webhook to its answer.", _QUICK
        )
        self.events_handled = self._counter(
            "events_handled", "Events that a consumer finished, by outcome.", "outcome", "stream"
        )
        self.events_lost = self._counter("events_lost", "Stream entries that vanished unhandled: must be 0.", "stream")
        self.streams_replaced = self._counter(
            "streams_replaced", "Streams whose ids were exhausted on purpose: must be 0.", "stream"
        )
        self.event_age = self._gauge("event_age_seconds", "Age of the oldest unhandled event.", "stream")
        self.stream_length = self._gauge("stream_length", "Events on the stream: not read yet, or in hand.", "stream")
        self.stream_pending = self._gauge("stream_pending", "Events in hand, or left by a dead consumer.", "stream")
        self.events_delayed = self._gauge("events_delayed", "Events that wait for their next try.", "stream")
        self.dead_letters = self._gauge("dead_letters", "Events given up, waiting for a person.", "stream")
        self.writeback_seconds = self._histogram(
            "writeback_seconds", "From a parcel's change at Sendcloud until Afterbuy shows it.", _WAY_BACK
        )

    def _upstreams(self) -> None:
        self.upstream_requests = self._counter(
            "upstream_requests", "Calls to Afterbuy and Sendcloud by outcome.", "upstream", "outcome"
        )
        self.upstream_seconds = self._histogram(
            "upstream_request_seconds", "Duration of calls to Afterbuy and Sendcloud.", _SECONDS, "upstream"
        )
        self.write_race = self._histogram(
            "write_race_seconds",
            "From reading an order in Afterbuy to the answer to its update: a person's edit in between is not seen.",
            _SECONDS,
        )
        self.upstream_budget = self._gauge(
            "upstream_budget_remaining", "Calls left to this process in the upstream's current window.", "upstream"
        )
        self.upstream_limit = self._gauge(
            "upstream_budget_limit", "Calls in one window: Afterbuy's day, Sendcloud's minute of writes.", "upstream"
        )
        self.circuit_open = self._gauge("circuit_open", "1 while calls to the upstream are suspended.", "upstream")
        self.credentials_refused = self._gauge(
            "credentials_refused", "1 while the upstream refuses our credentials, or they are missing.", "upstream"
        )
        self.api_closed = self._gauge(
            "api_closed", "1 while the upstream has closed an API that sweeps read.", "upstream", "api"
        )
        self.clock_skew = self._gauge(
            "clock_skew_seconds", "How far the upstream's clock was ahead of ours at the last sweep.", "upstream"
        )

    def _redis(self) -> None:
        self.redis_durable = self._gauge("redis_durable", "1 if Redis keeps what it confirms: AOF, noeviction.")
        self.redis_memory = self._gauge(
            "redis_memory_ratio", "Memory of Redis in use, of its limit; from 0.8 on nothing new is taken."
        )
        self.redis_clients = self._gauge("redis_clients", "Connections to Redis, of all clients.")
        self.redis_denied = self._counter(
            "redis_denied", "Denials by the ACL of Redis, to any client: a log-in, a command, a key, a channel.", "kind"
        )

    def _process(self) -> None:
        self.suspended = self._gauge("suspended", "1 while the tenant is suspended (spec.suspend).")
        self.part = self._gauge("part_info", "Always 1: this part of the tenant is served here.", "part")
        self.secret_changes = self._counter("secret_changes", "Changes of secret files seen while running.", "secret")
        build = Gauge("aftersend_build_info", "Always 1.", ["version", "python"], registry=self.registry)
        build.labels(__version__, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"aftersend_{name}", text, ["tenant", *labels], registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"aftersend_{name}", text, ["tenant", *labels], registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"aftersend_{name}", text, ["tenant", *labels], buckets=buckets, registry=self.registry)
