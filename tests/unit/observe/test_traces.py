import contextlib
import subprocess
import sys
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from aftersend.errors import AftersendError, Later, Transient
from aftersend.observe import traces
from aftersend.observe.context import TENANT, current_trace_id, current_traceparent, sampled_trace_id, valid_traceparent
from aftersend.observe.traces import span

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
OTHER = "00-1af7651916cd43dd8448eb211c80319c-a7ad6b7169203331-01"


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    TENANT.set("")
    traces.start_tracing("test", exporter=exporter)
    yield exporter
    traces.stop_tracing()


def _flush(exporter: InMemorySpanExporter) -> list[object]:
    assert traces._provider is not None
    traces._provider.force_flush()
    return list(exporter.get_finished_spans())


def test_off_a_parent_is_handed_on_unchanged() -> None:
    with span("handle", parent=PARENT) as step:
        assert step.traceparent == PARENT
        assert current_trace_id() == TRACE
        with span("inner", order="1") as inner:
            inner.set(outcome="done")
            assert inner.traceparent == PARENT
    assert current_traceparent() == ""


def test_off_nothing_begins_a_trace() -> None:
    with span("export") as step:
        assert step.traceparent == ""


@pytest.mark.parametrize("text", ["", "nonsense", PARENT.upper(), f"00-{'0' * 32}-b7ad6b7169203331-01", PARENT + "x"])
def test_what_is_no_traceparent_is_ignored(text: str) -> None:
    with span("handle", parent=text) as step:
        assert step.traceparent == ""


def test_off_the_sdk_is_not_imported() -> None:
    code = (
        "import sys; from aftersend.observe import traces; traces.start_tracing('x')\n"
        "with traces.span('a'): traces.set_attributes(status=200)\n"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], env={}, check=False).returncode == 0


def test_off_no_part_imports_what_makes_or_sends_spans() -> None:
    """The Redis client imports the SDK's metrics wherever the SDK is installed, and does nothing with them."""
    code = (
        "import sys, threading, aftersend_exporter.main, aftersend_webhook.main, aftersend_writer.main\n"
        "heavy = ('opentelemetry.sdk.trace', 'opentelemetry.exporter', 'opentelemetry.proto')\n"
        "sys.exit(any(name.startswith(heavy) for name in sys.modules) or threading.active_count() > 1)"
    )
    assert subprocess.run([sys.executable, "-c", code], env={}, check=False).returncode == 0


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_an_endpoint_switches_it_on(environ: dict[str, str], *, expected: bool) -> None:
    assert traces.tracing_enabled(environ) is expected


def test_on_spans_continue_the_trace_from_outside(exported: InMemorySpanExporter) -> None:
    with span("outer", kind="consumer", parent=PARENT, links=[OTHER, "nonsense"]) as outer, span("inner") as inner:
        assert current_trace_id() == TRACE
        assert inner.traceparent != outer.traceparent
    inner_span, outer_span = _flush(exported)
    assert outer_span.kind is SpanKind.CONSUMER
    assert f"{outer_span.parent.span_id:016x}" == "b7ad6b7169203331"
    assert inner_span.parent.span_id == outer_span.context.span_id
    assert [f"{link.context.trace_id:032x}" for link in outer_span.links] == [OTHER[3:35]]


def test_on_a_span_without_parent_begins_a_trace(exported: InMemorySpanExporter) -> None:
    with span("export") as step:
        assert valid_traceparent(step.traceparent)
    (only,) = _flush(exported)
    assert only.parent is None


def test_on_only_allowed_attributes_and_no_texts_of_exceptions_pass(exported: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match="Käthe"), span("write", order="4711", city="Köln", status=200, run="x" * 500):
        raise ValueError("Käthe")
    (only,) = _flush(exported)
    assert only.attributes["aftersend.order"] == "4711"
    assert only.attributes["http.response.status_code"] == 200
    assert only.attributes["error.type"] == "ValueError"
    assert len(only.attributes["aftersend.run"]) == 128
    assert only.status.status_code is StatusCode.ERROR
    assert "Käthe" not in only.to_json()
    assert "Köln" not in only.to_json()
    assert not only.events


def test_on_what_becomes_known_later_can_be_added(exported: InMemorySpanExporter) -> None:
    with span("read") as step:
        step.set(count=3, name="Käthe")
    (only,) = _flush(exported)
    assert dict(only.attributes) == {"aftersend.count": 3}


@pytest.mark.usefixtures("exported")
def test_only_a_trace_that_is_recorded_here_is_worth_pointing_at() -> None:
    with span("handle", parent=PARENT):
        assert sampled_trace_id() == TRACE
    with span("handle", parent=PARENT[:-1] + "0"):
        assert sampled_trace_id() == ""
    traces.stop_tracing()
    with span("handle", parent=PARENT):
        assert sampled_trace_id() == ""


def test_on_spans_say_whose_they_are(exported: InMemorySpanExporter) -> None:
    TENANT.set("shops.mueller")
    with span("read"):
        pass
    TENANT.set("")
    (only,) = _flush(exported)
    assert dict(only.attributes) == {"aftersend.tenant": "shops.mueller"}


def test_on_the_innermost_span_takes_attributes_and_links(exported: InMemorySpanExporter) -> None:
    with span("outer"):
        with span("inner"):
            traces.set_attributes(status=503, city="Köln")
            traces.add_link(OTHER)
            traces.add_link("nonsense")
        traces.set_attributes(status=200)
    inner, outer = _flush(exported)
    assert (dict(inner.attributes), dict(outer.attributes)) == (
        {"http.response.status_code": 503},
        {"http.response.status_code": 200},
    )
    assert [f"{link.context.trace_id:032x}" for link in inner.links] == [OTHER[3:35]]
    traces.set_attributes(status=1)
    traces.add_link(OTHER)


@pytest.mark.parametrize(("error", "failed"), [(Later("not_due"), False), (Transient("timeout"), True)])
def test_on_what_is_only_put_off_has_not_failed(
    error: AftersendError, exported: InMemorySpanExporter, *, failed: bool
) -> None:
    with contextlib.suppress(AftersendError), span("handle"):
        raise error
    (only,) = _flush(exported)
    assert (only.status.status_code is StatusCode.ERROR) is failed
    assert only.attributes.get("aftersend.error.code") == ("timeout" if failed else None)


def test_a_url_is_traced_without_credentials_and_query() -> None:
    assert traces.url_attributes("https://key:secret@api.example/path?q=Meier") == {
        "address": "api.example",
        "port": 443,
        "url": "https://api.example/path",
    }


@pytest.mark.parametrize("flags", ["00", "02"])
def test_on_an_unsampled_trace_stays_unsampled(exported: InMemorySpanExporter, flags: str) -> None:
    unsampled = PARENT[:-2] + flags
    with span("outer", order="1"):
        with span("handle", parent=unsampled) as step:
            traces.set_attributes(outcome="stored")
            assert (step.traceparent, sampled_trace_id()) == (unsampled, "")
            with span("inner") as inner:
                assert inner.traceparent == unsampled
        traces.set_attributes(outcome="done")
    (only,) = _flush(exported)
    assert isinstance(only, ReadableSpan)
    assert dict(only.attributes or {}) == {"aftersend.order": "1", "aftersend.outcome": "done"}


@pytest.mark.parametrize(("share", "low", "high"), [("0.0", 0, 0), ("0.5", 100, 300), ("1.0", 400, 400)])
def test_the_sampler_decides_once_over_a_whole_trace(
    monkeypatch: pytest.MonkeyPatch, share: str, low: int, high: int
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", share)
    exporter = InMemorySpanExporter()
    traces.start_tracing("test", exporter=exporter)
    begun: list[str] = []
    for _ in range(400):
        with span("outer") as outer, span("inner") as inner:
            assert valid_traceparent(inner.traceparent)
            assert inner.traceparent[3:35] == outer.traceparent[3:35]
            begun.append(outer.traceparent)
    spans = _flush(exporter)
    traces.stop_tracing()
    taken = {traceparent[3:35] for traceparent in begun if int(traceparent[-1], 16) & 1}
    assert len({traceparent[3:35] for traceparent in begun}) == 400
    assert low <= len(taken) <= high
    assert sorted(f"{each.context.trace_id:032x}" for each in spans) == sorted([*taken, *taken])


def test_a_sampler_of_another_kind_is_asked_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "always_on")
    exporter = InMemorySpanExporter()
    traces.start_tracing("test", exporter=exporter)
    with span("handle", parent=PARENT[:-2] + "00"):
        pass
    assert len(_flush(exporter)) == 1
    traces.stop_tracing()


def test_stopping_twice_is_harmless() -> None:
    traces.stop_tracing()
    traces.stop_tracing()
