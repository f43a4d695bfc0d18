"""What another hand deleted or changed is applied anew, as an event and a log line; nothing else is called a repair."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from aftersend.observe import throttle
from aftersend_operator.reconcile.repairs import REASON
from tests.support.operator_api import FakeApi, OperatorInMemory
from tests.support.operator_objects import kind_named

WEBHOOK, WRITER = "Service/aftersend-mueller-webhook", "Deployment/aftersend-mueller-writer"
CRON = "CronJob/aftersend-mueller-export"


@pytest.fixture
async def operator() -> OperatorInMemory:
    """One tenant that runs."""
    it = OperatorInMemory()
    await it.bring_up()
    return it


def edited(what: str) -> dict[str, Any]:
    return (
        {"spec": {"schedule": "1 1 1 1 1"}}
        if what == CRON
        else {"metadata": {"labels": {"app.kubernetes.io/name": "x"}}}
    )


@pytest.mark.parametrize(
    "what",
    [WEBHOOK, WRITER, CRON, "Secret/aftersend-mueller-redis-users", "PersistentVolumeClaim/aftersend-mueller-backup"],
)
async def test_what_was_deleted_is_made_again_and_said(operator: OperatorInMemory, what: str) -> None:
    operator.delete(what)
    with capture_logs() as lines:
        await operator.reconcile()
    kind, name = what.split("/")
    assert operator.messages(REASON) == [f"{kind} {name} was deleted, made again"]
    assert [line for line in lines if line["event"] == "child_repaired"] == [
        {
            "event": "child_repaired",
            "log_level": "warning",
            "tenant": "shops.mueller",
            "kind": kind,
            "name": name,
            "cause": "deleted",
            "left_out": 0,
        }
    ]


async def test_what_was_deleted_during_a_pass_is_said_by_the_next(operator: OperatorInMemory) -> None:
    reconciler, record = operator.reconciler, operator.cache.tenants["shops", "mueller"]
    child = (kind_named("Service"), "aftersend-mueller-webhook")
    reconciler.repairs.remember(record, {}, wanted=[child])
    operator.delete(WEBHOOK)
    await operator.reconcile()
    assert len(operator.messages(REASON)) == 1


@pytest.mark.parametrize("what", [WEBHOOK, WRITER, CRON])
async def test_what_was_changed_is_set_back_and_said(operator: OperatorInMemory, what: str) -> None:
    operator.edit(what, edited(what))
    await operator.reconcile()
    kind, name = what.split("/")
    assert operator.messages(REASON) == [f"{kind} {name}: changed by another field manager, set back"]


async def test_a_child_that_lost_its_label_was_changed_not_deleted(operator: OperatorInMemory) -> None:
    operator.edit(WEBHOOK, {"metadata": {"labels": {"app.kubernetes.io/managed-by": "helm"}}})
    await operator.reconcile()
    assert operator.messages(REASON) == [
        "Service aftersend-mueller-webhook: changed by another field manager, set back"
    ]


@pytest.mark.parametrize("what", [WEBHOOK, WRITER, CRON])
async def test_what_happened_while_no_operator_ran_is_said_by_the_next(operator: OperatorInMemory, what: str) -> None:
    operator.edit(CRON, edited(CRON))
    if what != CRON:
        operator.delete(what)
    again = operator.again()
    await again.reconcile()
    assert len(again.messages(REASON)) == (1 if what == CRON else 2)


async def test_an_edit_that_takes_the_annotation_away_is_noticed_too(operator: OperatorInMemory) -> None:
    key = "aftersend.jj-ideenschmiede.de/applied"
    operator.edit(CRON, {**edited(CRON), "metadata": {"annotations": {key: "another"}}})
    await operator.reconcile()
    assert len(operator.messages(REASON)) == 1


async def changes_its_document(operator: OperatorInMemory) -> OperatorInMemory:
    operator.apply_tenant(topology="compact", webhook={"host": "hooks.example.com"}, redis={"storage": "2Gi"})
    await operator.reconcile()
    operator.apply_tenant()
    await operator.reconcile()
    return operator


async def upgrades(operator: OperatorInMemory) -> OperatorInMemory:
    again = operator.again(service_image="registry.example/aftersend:2", allow_http=True)
    await again.reconcile()
    return again


async def restarts(operator: OperatorInMemory) -> OperatorInMemory:
    again = operator.again()
    await again.reconcile()
    return again


async def changes_status_only(operator: OperatorInMemory) -> OperatorInMemory:
    operator.edit(WRITER, {"status": {"availableReplicas": 0}})
    await operator.reconcile()
    return operator


async def is_made_anew(operator: OperatorInMemory) -> OperatorInMemory:
    """Delete the tenant, let the garbage collector run, apply the document again."""
    for place in list(operator.api.objects):
        if place[0].name not in ("Secret", "PersistentVolumeClaim"):
            del operator.api.objects[place]
    operator.apply_tenant()
    await operator.reconcile()
    return operator


async def gets_a_setting_that_adds_a_child(operator: OperatorInMemory) -> OperatorInMemory:
    again = operator.again(pod_monitors="always")
    await again.reconcile()
    return again


@pytest.mark.parametrize(
    "happens",
    [changes_its_document, upgrades, restarts, changes_status_only, is_made_anew, gets_a_setting_that_adds_a_child],
)
async def test_what_the_operator_does_by_itself_is_no_repair(operator: OperatorInMemory, happens: Any) -> None:
    assert not operator.messages(REASON), "the first creation"
    assert not (await happens(operator)).messages(REASON)


async def test_a_spelling_of_the_server_is_no_change_by_another_hand() -> None:
    operator = OperatorInMemory(FakeApi(spell=lambda text: text.replace("* * * *", "@hourly")))
    await operator.bring_up()
    versions = {place: item["metadata"]["resourceVersion"] for place, item in operator.api.objects.items()}
    again = operator.again()
    await again.reconcile()
    assert {place: item["metadata"]["resourceVersion"] for place, item in again.api.objects.items()} == versions
    assert not again.messages(REASON)


async def test_a_fight_is_one_event_a_minute_with_a_count(
    operator: OperatorInMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr(throttle, "monotonic", lambda: now[0])
    for _ in range(5):
        operator.edit(CRON, edited(CRON))
        await operator.reconcile()
    assert len(operator.messages(REASON)) == 1
    now[0] += 60
    operator.edit(CRON, edited(CRON))
    await operator.reconcile()
    (message,) = operator.messages(REASON)[1:]
    assert message.endswith("set back (and 4 more times since the last event)")
    assert [event["type"] for event in operator.api.events if event["reason"] == REASON] == ["Normal", "Warning"]
