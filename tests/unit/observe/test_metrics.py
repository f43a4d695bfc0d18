import platform

from prometheus_client import generate_latest

from aftersend import __version__
from aftersend.observe.meter import CallMeter, NoMeter
from aftersend.observe.meters import StreamMeter, UpstreamMeter
from aftersend.observe.metrics import Metrics

NAMES = {
    "aftersend_orders_total": ("tenant", "outcome", "reason"),
    "aftersend_last_success_timestamp_seconds": ("tenant", "kind"),
    "aftersend_webhooks_total": ("tenant", "outcome"),
    "aftersend_events_handled_total": ("tenant", "outcome", "stream"),
    "aftersend_event_age_seconds": ("tenant", "stream"),
    "aftersend_dead_letters": ("tenant", "stream"),
    "aftersend_events_lost_total": ("tenant", "stream"),
    "aftersend_problems": ("tenant", "code"),
    "aftersend_notices": ("tenant", "code"),
    "aftersend_upstream_requests_total": ("tenant", "upstream", "outcome"),
    "aftersend_upstream_budget_remaining": ("tenant", "upstream"),
    "aftersend_circuit_open": ("tenant", "upstream"),
    "aftersend_redis_durable": ("tenant",),
    "aftersend_write_race_seconds_sum": ("tenant",),
}


def _touch_all(metrics: Metrics) -> None:
    for metric in (getattr(metrics, name) for name in vars(metrics) if name != "registry"):
        metric.labels(*["x"] * len(metric._labelnames))


def test_names_and_labels_that_dashboards_and_alerts_build_on() -> None:
    metrics = Metrics()
    _touch_all(metrics)
    seen = {
        sample.name: tuple(sample.labels)
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name.startswith("aftersend_")
    }
    assert {name: labels for name, labels in seen.items() if name in NAMES} == NAMES


def test_tenant_is_the_first_label_of_every_metric() -> None:
    metrics = Metrics()
    for name, metric in vars(metrics).items():
        if name != "registry":
            assert metric._labelnames[0] == "tenant"


def test_build_info_names_the_version() -> None:
    assert (
        Metrics().registry.get_sample_value(
            "aftersend_build_info", {"version": __version__, "python": platform.python_version()}
        )
        == 1
    )


def test_two_of_them_live_side_by_side() -> None:
    first, second = Metrics(), Metrics()
    first.webhooks.labels("mueller", "stored").inc()
    assert b'outcome="stored"' not in generate_latest(second.registry)


def test_upstream_meter_counts_calls_durations_and_budget() -> None:
    metrics = Metrics()
    meter: CallMeter = UpstreamMeter(metrics, "mueller", "afterbuy")
    meter.observe("ok", 0.2)
    meter.observe("transient", 3)
    meter.budget(49_998, 50_000)
    value = metrics.registry.get_sample_value
    names = {"tenant": "mueller", "upstream": "afterbuy"}
    assert value("aftersend_upstream_requests_total", {**names, "outcome": "ok"}) == 1
    assert value("aftersend_upstream_requests_total", {**names, "outcome": "transient"}) == 1
    assert value("aftersend_upstream_request_seconds_count", names) == 2
    assert value("aftersend_upstream_budget_remaining", names) == 49_998
    assert value("aftersend_upstream_budget_limit", names) == 50_000


def test_stream_meter_counts_handled_and_lost() -> None:
    metrics = Metrics()
    meter = StreamMeter(metrics, "mueller", "parcels")
    meter.handled("done")
    meter.lost(3)
    value = metrics.registry.get_sample_value
    names = {"tenant": "mueller", "stream": "parcels"}
    assert value("aftersend_events_handled_total", {**names, "outcome": "done"}) == 1
    assert value("aftersend_events_lost_total", names) == 3


def test_no_meter_takes_everything() -> None:
    meter: CallMeter = NoMeter()
    meter.observe("ok", 1)
    meter.budget(1, 2)
