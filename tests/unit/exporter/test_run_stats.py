"""The figures of a run, and what they amount to."""

from typing import Any

import msgspec
import pytest

from aftersend.errors import Bug, CredentialsRefused, Later, Misconfigured, SecretMissing, StoreFull, Transient
from aftersend.runs import OrderDecision, RunSummary
from aftersend_exporter.run_stats import MAX_NAMED, RunStats

DOWN = Transient("http_503", upstream="afterbuy")


def stats(*errors: Exception, **figures: Any) -> RunStats:
    found = RunStats(run="r", kind="export", **figures)
    for error in errors:
        found.record_error(error)  # type: ignore[arg-type]
    return found


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (stats(), "done"),
        (stats(read=5, sent=5, batches_done=1), "done"),
        (stats(read=5, watched=5), "done"),
        (stats(read=5, sent=4, rejected=1, batches_done=2), "partial"),
        (stats(read=5, rejected=5, batches_done=5), "partial"),
        (stats(read=5, retried=1), "partial"),
        (stats(DOWN, read=5, sent=5, batches_done=1), "partial"),
        (stats(DOWN, window_read=False), "failed"),
        (stats(DOWN, window_read=False, read=5, sent=5, batches_done=1), "failed"),
        (stats(DOWN, everything_read=False), "partial"),
        (stats(CredentialsRefused("http_401", upstream="sendcloud"), window_read=False), "failed"),
        (stats(Misconfigured("no such integration", upstream="sendcloud"), window_read=False), "failed"),
        (stats(read=200, batches_failed=2, retried=200), "failed"),
        (stats(read=200, sent=100, batches_failed=1, batches_done=1, retried=100), "partial"),
        (stats(Bug("section_missing", upstream="afterbuy"), window_read=False), "failed"),
    ],
)
def test_outcome(found: RunStats, expected: str) -> None:
    assert found.outcome == expected


@pytest.mark.parametrize(
    "error", [Transient("redis_unavailable", upstream="redis"), Later("lease_lost"), StoreFull("x")]
)
def test_trouble_with_our_own_redis_ends_the_run(error: Transient) -> None:
    with pytest.raises(Transient):
        stats(error)


@pytest.mark.parametrize(
    ("found", "afterbuy", "sendcloud"),
    [
        (stats(read=1), "ok", "ok"),
        (stats(DOWN, read=1), "unavailable", "ok"),
        (stats(DOWN), "unavailable", "unknown"),
        (stats(CredentialsRefused("code_8", upstream="afterbuy")), "refused", "unknown"),
        (stats(SecretMissing("secret is missing", upstream="sendcloud"), read=0), "unknown", "refused"),
        (stats(Misconfigured("several", upstream="sendcloud"), read=0), "unknown", "ok"),
        (stats(Bug("not_an_order", upstream="afterbuy")), "ok", "unknown"),
    ],
)
def test_health(found: RunStats, afterbuy: str, sendcloud: str) -> None:
    health = found.summary(seconds=1, problems={}, last_write_back="").health
    assert (health.afterbuy, health.sendcloud) == (afterbuy, sendcloud)


def test_the_shape_of_the_summary() -> None:
    found = stats(read=3, sent=1, unchanged=1)
    found.skipped["unpaid"] += 1
    times = {"last_write_back": "2026-11-24T04:00:00.000Z", "last_sweep": "2026-11-24T03:00:00.000Z"}
    summary = found.summary(seconds=1.23456, problems={"rejected": 1}, notices={"state_missing": 2}, **times)
    assert msgspec.json.decode(msgspec.json.encode(summary)) == {
        "run": "r",
        "kind": "export",
        "outcome": "done",
        "from": None,
        "to": None,
        "read": 3,
        "sent": 1,
        "unchanged": 1,
        "skipped": {"unpaid": 1},
        "rejected": 0,
        "watched": 0,
        "seconds": 1.235,
        "health": {
            "afterbuy": "ok",
            "sendcloud": "ok",
            "message": "",
            "problems": {"rejected": 1},
            "notices": {"state_missing": 2},
            "lastWriteBack": "2026-11-24T04:00:00.000Z",
            "lastBackup": "",
            "lastSweep": "2026-11-24T03:00:00.000Z",
        },
    }


def test_a_dry_run_lists_its_decisions() -> None:
    found = stats(decisions=[])
    found.record_decision(OrderDecision("1", "transfer"))
    found.record_decision(OrderDecision("2", "watch", "unpaid"))
    raw = msgspec.json.encode(found.summary(seconds=0, problems={}, last_write_back=""))
    assert msgspec.json.decode(raw)["orders"] == [
        {"order": "1", "decision": "transfer", "reason": ""},
        {"order": "2", "decision": "watch", "reason": "unpaid"},
    ]
    assert msgspec.json.decode(raw, type=RunSummary).orders
    assert "orders" not in msgspec.json.decode(
        msgspec.json.encode(stats().summary(seconds=0, problems={}, last_write_back=""))
    )


def test_what_is_counted_names_twenty_orders_at_most_and_each_once() -> None:
    found = stats()
    for number in range(1000, 1100):
        found.count("skipped", [str(number), str(number), "", "0", "kein Vorgang"], reason="unpaid")
    counted = found.counted["skipped", "unpaid"]
    assert counted.count == found.skipped["unpaid"] == 500
    assert counted.orders == [str(number) for number in range(1000, 1000 + MAX_NAMED)]
    found.count("sent", [])
    assert set(found.counted) == {("skipped", "unpaid")}
