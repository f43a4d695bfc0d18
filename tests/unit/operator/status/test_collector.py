from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from aftersend_operator.informer.cache import Cache
from aftersend_operator.model.certificates import AUTHORITY_LIFE, new_authority
from aftersend_operator.model.pods import PodRecord
from aftersend_operator.reconcile.work_queue import SPREAD
from aftersend_operator.status.collector import ASK_AGAIN_SECONDS, ASK_SECONDS, EARLIEST, StatusCollector
from aftersend_operator.status.startup_grace import grace_of
from tests.support.operator_objects import recorded_tenant
from tests.support.part_objects import NOW, pod

GRACE = grace_of([pod("redis")], is_managed=True, now=NOW)


@dataclass
class Pods:
    """A tenant's pods and what they answer."""

    found: list[PodRecord]
    facts: dict[str, Any] | None = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def pods(self, _tenant: object) -> list[PodRecord]:
        return self.found

    secrets: dict[Any, Any] = field(default_factory=dict)

    async def fetch(self, address: str) -> bytes:
        self.asked.append(address)
        return b"" if self.facts is None else msgspec.json.encode({"shops.mueller": {"ready": True, **self.facts}})


def collector(pods: Pods, now: list[float]) -> StatusCollector:
    cache: Cache = pods  # type: ignore[assignment]
    return StatusCollector(cache, pods, clock=lambda: now[0])  # type: ignore[arg-type]


async def test_every_service_pod_is_asked_once_a_minute_and_jobs_never() -> None:
    services = [replace(pod(part), address=part) for part in ("exporter", "webhook", "writer")]
    pods, now, record = Pods([*services, pod("export"), pod("redis")]), [0.0], recorded_tenant()
    found = collector(pods, now)
    for second in (0, 1, ASK_SECONDS * EARLIEST - 1):
        now[0] = second
        await found.collect(record, GRACE)
    assert pods.asked == ["exporter", "webhook", "writer"]
    now[0] = ASK_SECONDS
    await found.collect(record, GRACE)
    assert pods.asked == ["exporter", "webhook", "writer"] * 2


async def test_a_pod_that_is_not_well_is_asked_more_often_and_one_that_turned_at_once() -> None:
    pods, now, record = Pods([pod("writer", ready=False)], {"checks": {"redis": "away"}}), [0.0], recorded_tenant()
    found = collector(pods, now)
    for second in (0, ASK_AGAIN_SECONDS * EARLIEST - 1, ASK_AGAIN_SECONDS):
        now[0] = second
        reported = await found.collect(record, GRACE)
    assert len(pods.asked) == 2
    assert [fault.reason for fault in reported.faults] == ["RedisUnreachable"]
    pods.found = [pod("writer")]
    assert not (await found.collect(record, GRACE)).faults
    await found.collect(record, GRACE)
    assert len(pods.asked) == 3


async def test_which_keys_are_missing_and_when_the_certificate_expires_the_pods_report() -> None:
    now = datetime(2026, 11, 26, tzinfo=UTC)
    pem = new_authority("hooks", now=now).certificate.decode()
    facts = {"missingKeys": ["afterbuy/accountToken"], "certificate": pem}
    pods, record = Pods([pod("all")], facts), recorded_tenant(topology="compact")
    found = collector(pods, [0.0])
    assert found.certificate_end(record) == 0
    reported = await found.collect(record, GRACE)
    assert reported.missing_keys == {"accountToken"}
    assert found.certificate_end(record) == (now + AUTHORITY_LIFE).timestamp()


async def test_missing_keys_of_all_parts_of_a_process_count_and_are_asked_for_again_soon() -> None:
    pods, now, record = Pods([pod("all")]), [0.0], recorded_tenant(topology="compact")
    parts: dict[str, dict[str, Any]] = {
        "shops.mueller exporter": {"missingKeys": ["sendcloud/publicKey"]},
        "shops.mueller writer": {"missingKeys": ["afterbuy/accountToken"]},
        "shops.mueller webhook": {"missingKeys": []},
    }

    async def fetch(_address: str) -> bytes:
        return msgspec.json.encode(parts)

    pods.fetch = fetch  # type: ignore[method-assign]
    found = collector(pods, now)
    assert (await found.collect(record, GRACE)).missing_keys == {"publicKey", "accountToken"}
    parts.clear()
    parts["shops.mueller exporter"] = {}
    now[0] = ASK_AGAIN_SECONDS
    assert (await found.collect(record, GRACE)).missing_keys == frozenset()


@pytest.mark.parametrize(
    "certificate", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----"]
)
async def test_what_is_no_certificate_has_no_end(certificate: str) -> None:
    pods, record = Pods([pod("webhook")], {"certificate": certificate}), recorded_tenant()
    found = collector(pods, [0.0])
    await found.collect(record, GRACE)
    assert found.certificate_end(record) == 0


@pytest.mark.parametrize(
    ("facts", "period", "between"),
    [
        ({}, ASK_SECONDS, ASK_SECONDS * EARLIEST - 1),
        ({"checks": {"redis": "away"}}, ASK_AGAIN_SECONDS, ASK_AGAIN_SECONDS * EARLIEST - 1),
        (None, ASK_SECONDS, ASK_AGAIN_SECONDS * EARLIEST - 1),
    ],
)
async def test_the_next_question_is_due_whatever_passes_come_between(
    facts: dict[str, Any] | None, period: float, between: float
) -> None:
    pods, now, record = Pods([pod("writer")], facts), [0.0], recorded_tenant()
    found = collector(pods, now)
    assert found.due_in(record.key) == 0
    await found.collect(record, GRACE)
    now[0] = between
    await found.collect(record, GRACE)
    assert found.due_in(record.key) == period - between


async def test_a_ready_pod_that_missed_one_answer_is_asked_again_soon_and_one_that_stays_silent_is_not() -> None:
    pods, now, record = Pods([pod("writer")]), [0.0], recorded_tenant()
    found, due = collector(pods, now), list[float]()
    for facts in ({}, None, None, {}):
        pods.facts = facts
        await found.collect(record, GRACE)
        due.append(found.due_in(record.key))
        now[0] += due[-1]
    assert due == [ASK_SECONDS, ASK_AGAIN_SECONDS, ASK_SECONDS, ASK_SECONDS]
    assert len(pods.asked) == 4


async def test_each_reading_takes_one_pass_however_early_jitter_brings_it() -> None:
    pods, now, record = Pods([pod("writer")]), [0.0], recorded_tenant()
    found = collector(pods, now)
    for _ in range(5):
        await found.collect(record, GRACE)
        now[0] += found.due_in(record.key) * (1 - SPREAD)
    assert len(pods.asked) == 5


async def test_what_a_pod_said_last_stands_no_longer_when_it_is_silent_or_gone() -> None:
    pods, now, record = Pods([pod("writer", ready=False)], {"checks": {"redis": "away"}}), [0.0], recorded_tenant()
    found = collector(pods, now)
    assert (await found.collect(record, GRACE)).faults
    pods.facts, now[0] = None, ASK_AGAIN_SECONDS
    assert not (await found.collect(record, GRACE)).faults
    pods.found = []
    await found.collect(record, GRACE)
    assert found._answers[record.key] == {}


async def test_a_tenant_that_nothing_scrapes_is_counted_until_something_does_or_it_is_gone() -> None:
    pods, now, record = Pods([pod("writer")], {"lastScrape": ""}), [0.0], recorded_tenant()
    found = collector(pods, now)
    await found.collect(record, GRACE)
    assert found.unscraped == {record.key}
    pods.facts, now[0] = {"lastScrape": "2026-11-26T09:59:30Z"}, ASK_SECONDS
    await found.collect(record, GRACE)
    assert not found.unscraped
    pods.facts, now[0] = {"lastScrape": ""}, 2 * ASK_SECONDS
    await found.collect(record, GRACE)
    found.forget(record.key)
    assert not found.unscraped
