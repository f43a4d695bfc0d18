"""What the tables and pages of the plugin show of a tenant."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from aftersend_kubectl.details import details
from aftersend_kubectl.logs import as_text, story
from aftersend_kubectl.options import cluster_first
from aftersend_kubectl.rows import cure_of, lateness, problem_rows, short, status_row, top_order, top_row
from aftersend_kubectl.tenants import TenantView

NOW = datetime(2026, 11, 30, 10, 20, tzinfo=UTC)


def condition(kind: str, status: str, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": "2026-11-30T09:00:00Z",
    }  # fmt: skip


def tenant(spec: dict[str, Any] | None = None, **status: Any) -> TenantView:
    metadata = {"name": "mueller", "namespace": "shops", "uid": "x", "labels": {"a": "b"}}
    document = {"metadata": metadata, "spec": spec or {}, "status": status, "kind": "AftersendTenant"}
    return msgspec.convert(document, TenantView, strict=False)


BROKEN = [
    condition("Ready", "False", "Starting", "writer has no pod; scale it up"),
    condition("Degraded", "True", "PartFailing", "something else"),
]


def test_a_tenant_no_operator_has_seen_says_so() -> None:
    row = status_row(tenant(), NOW, wide=True)
    assert row[:5] == ("shops", "mueller", "Unknown", "Unseen", "Unseen")
    assert "no operator" in str(row[-1])


def test_the_message_that_blocks_comes_before_the_one_that_does_not() -> None:
    assert cure_of(tenant(conditions=BROKEN)) == "writer has no pod; scale it up"
    ready = [condition("Ready", "True", "Running"), BROKEN[1]]
    assert cure_of(tenant(conditions=ready)) == "something else"
    assert cure_of(tenant(conditions=[condition("Ready", "True", "Running", "fine")])) == ""


def test_ages_and_problems_stand_in_the_row() -> None:
    found = tenant(
        lastExport={"time": "2026-11-30T10:00:02Z", "outcome": "done"},
        lastBackup={"time": "2026-11-28T10:00:00Z"},
        problems={"conflict": 2, "rejected": 1},
    )
    assert status_row(found, NOW, wide=False)[5:] == ("19m", None, None, "2d", 3)
    assert problem_rows(found) == [("shops", "mueller", "conflict", 2), ("shops", "mueller", "rejected", 1)]


@pytest.mark.parametrize(
    ("seconds", "text"), [(-5, "0s"), (119, "119s"), (120, "2m"), (7199, "119m"), (7200, "2h"), (172800, "2d")]
)
def test_ages_are_short(seconds: int, text: str) -> None:
    assert short(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("ran", "spec", "minutes"),
    [
        ("2026-11-30T10:00:40Z", {}, 0),
        ("2026-11-30T09:00:40Z", {}, 20),
        (None, {}, 20),
        (None, {"suspend": True}, 0),
        ("2026-11-30T09:00:40Z", {"export": {"schedule": "18 * * * *"}}, 0),
        ("2026-11-30T05:31:00Z", {"export": {"schedule": "0 6 * * *"}}, 0),
        ("2026-11-30T04:31:00Z", {"export": {"schedule": "0 6 * * *"}, "timeZone": "Europe/Berlin"}, 320),
    ],
)
def test_late_is_an_export_that_did_not_run_at_its_time(ran: str | None, spec: dict[str, Any], minutes: int) -> None:
    assert lateness(tenant(spec, lastExport={"time": ran} if ran else {}), NOW) == timedelta(minutes=minutes)


def test_a_tenant_that_was_made_after_the_time_is_not_late() -> None:
    document = {"metadata": {"name": "m", "namespace": "n", "creationTimestamp": "2026-11-30T10:00:10Z"}, "spec": {}}
    assert lateness(msgspec.convert(document, TenantView), NOW) == timedelta()


def test_top_adds_up_the_queues() -> None:
    queues = {"parcels": {"waiting": 2, "dead": 1, "oldestMinutes": 7}, "runs": {"waiting": 1, "delayed": 4}}
    found = tenant(queues=queues, lastExport={"time": "2026-11-30T10:00:40Z"})
    assert top_row(found, NOW, (12, 50 * 2**20)) == ("shops", "mueller", None, 3, "7m", 4, 1, 0, "12m", "50Mi")
    assert top_row(found, NOW, None)[-2:] == (None, None)


def test_top_shows_the_latest_first_and_then_what_waits() -> None:
    busy = {"parcels": {"waiting": 9}}
    calm, waits, late, later = (
        tenant({"export": {"schedule": schedule}}, lastExport={"time": ran}, queues=queues)
        for schedule, ran, queues in (
            ("0 * * * *", "2026-11-30T10:00:40Z", {}),
            ("0 * * * *", "2026-11-30T10:00:40Z", busy),
            ("0 * * * *", "2026-11-30T09:00:40Z", busy),
            ("0 7 * * *", "2026-11-29T06:00:40Z", {}),
        )
    )
    assert sorted((calm, waits, late, later), key=lambda it: top_order(it, NOW)) == [later, late, waits, calm]


def test_one_screen_holds_all_of_a_tenant() -> None:
    export = {"time": "2026-11-30T10:00:00Z", "outcome": "partial", "read": 9, "sent": 7, "rejected": 1, "message": "m"}
    found = tenant(conditions=BROKEN, lastExport=export, lastBackup={"time": "2026-11-30T10:10:00Z", "verified": False})
    lines = list(details(found, {"exporter": "1/1", "writer": "0/0"}, NOW))
    assert lines[0] == "shops/mueller"
    assert "  export       partial 20m ago: read 9, sent 7, unchanged 0, skipped 0, rejected 1 – m" in lines
    assert "  parts        exporter 1/1  writer 0/0" in lines
    assert "  backup       – 10m ago, NOT verified" in lines
    assert lines[-1] == "  what to do   writer has no pod; scale it up"


LOGS = {
    "exporter-1": (
        '{"timestamp": "2026-11-30T10:00:02Z", "event": "order_lost", "part": "exporter", "order": "17", "at": "a"}\n'
        '{"timestamp": "2026-11-30T10:00:03Z", "event": "run_counted", "orders": ["16", "17"], "count": 2, "x": ""}\n'
        '{"timestamp": "2026-11-30T10:00:03Z", "event": "run_counted", "orders": ["170"]}\n'
    ),
    "redis-0": '1:M 30 Nov 2026 * Ready\n"17"\n[17]\n{"order": "17"}\n',
    "writer-1": '{"timestamp": "2026-11-30T10:00:01Z", "event": "tag_refused", "part": "writer", "order": "17"}\n',
}


def test_a_story_is_that_of_one_order_over_all_pods() -> None:
    assert list(as_text(story(LOGS, "17"))) == [
        "2026-11-30T10:00:01Z  writer    tag_refused  order=17",
        "2026-11-30T10:00:02Z  exporter  order_lost  order=17 at=a",
        '2026-11-30T10:00:03Z  exporter-1 run_counted  orders=["16", "17"] count=2',
    ]
    assert len(story(LOGS, None)) == 4


@pytest.mark.parametrize(
    ("words", "moved"),
    [
        (["status", "-n", "shops", "mueller"], ["-n", "shops", "status", "mueller"]),
        (["status", "--namespace=shops"], ["--namespace=shops", "status"]),
        (["top", "--context", "c", "-A", "-n", "x"], ["--context", "c", "-n", "x", "top", "-A"]),
        (["handover", "open", "-n", "x"], ["handover", "open", "-n", "x"]),
        (["status", "-n"], ["-n", "status"]),
    ],
)
def test_the_cluster_may_be_named_after_the_command(words: list[str], moved: list[str]) -> None:
    assert cluster_first(words) == moved
