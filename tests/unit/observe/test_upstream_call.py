"""How a call to an upstream is measured."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from aftersend.errors import (
    Bug,
    CredentialsRefused,
    Later,
    Misconfigured,
    Rejected,
    SecretMissing,
    StoreAway,
    Transient,
)
from aftersend.observe import traces
from aftersend.observe.traces import span
from aftersend.observe.upstream_call import measured_call


class Meter:
    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.seconds: list[float] = []
        self.budgets: list[tuple[float, float]] = []

    def observe(self, outcome: str, seconds: float) -> None:
        self.outcomes.append(outcome)
        self.seconds.append(seconds)

    def budget(self, remaining: float, limit: float) -> None:
        self.budgets.append((remaining, limit))


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    traces.start_tracing("test", exporter=exporter)
    yield exporter
    traces.stop_tracing()


def call(meter: Meter, error: BaseException | None) -> None:
    client_span = span("POST afterbuy GetSoldItems", kind="client", upstream="afterbuy")
    with measured_call(client_span, meter, budget=lambda: (9, 10)):
        if error is not None:
            raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (Transient("timeout"), "transient"),
        (Later("not_due"), "transient"),
        (StoreAway("redis_unavailable"), "transient"),
        (CredentialsRefused("refused"), "credentials"),
        (Rejected("no_address"), "rejected"),
        (Misconfigured("wrong"), "own"),
        (SecretMissing("missing"), "own"),
        (Bug("http_400"), "bug"),
        (asyncio.CancelledError(), "cancelled"),
        (ValueError(), "cancelled"),
    ],
)
def test_every_end_of_a_call_is_counted_once(error: BaseException | None, outcome: str) -> None:
    meter = Meter()
    with contextlib.nullcontext() if error is None else pytest.raises(type(error)):
        call(meter, error)
    assert meter.outcomes == [outcome]
    assert meter.seconds[0] >= 0
    assert meter.budgets == [(9, 10)]


def test_the_span_carries_the_outcome(exported: InMemorySpanExporter) -> None:
    with pytest.raises(Rejected):
        call(Meter(), Rejected("no_address"))
    traces.stop_tracing()
    (found,) = exported.get_finished_spans()
    assert (found.name, found.kind) == ("POST afterbuy GetSoldItems", SpanKind.CLIENT)
    assert dict(found.attributes or {}) == {
        "aftersend.upstream": "afterbuy",
        "aftersend.outcome": "rejected",
        "error.type": "Rejected",
        "aftersend.error.code": "no_address",
    }
