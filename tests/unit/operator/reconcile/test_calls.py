"""How many calls a tenant costs: as few as its children need, and none while nothing changes."""

from collections.abc import Mapping
from typing import Any

import pytest

from aftersend_operator.model.kinds import POD, Kind
from aftersend_operator.model.naming import Manifest, kept_labels
from tests.support.operator_api import NAMESPACE, OperatorInMemory
from tests.support.operator_kit import tenant
from tests.support.operator_objects import kind_named

MAX_CALLS = 45
"""Of a tenant with all defaults, from its first apply until it runs."""
CHILDREN = {
    "ConfigMap": 2,
    "CronJob": 2,
    "Deployment": 3,
    "NetworkPolicy": 7,
    "PersistentVolumeClaim": 2,
    "Service": 3,
    "ServiceAccount": 6,
    "StatefulSet": 1,
}


@pytest.fixture(params=["after", "before"])
def operator(request: pytest.FixtureRequest) -> OperatorInMemory:
    """One whose watch events come after the responses to its writes, or before them."""
    it = OperatorInMemory()
    if request.param == "before":
        it.api.on_write = it.cache.upsert
    return it


async def test_each_child_costs_one_call_and_the_status_one(operator: OperatorInMemory) -> None:
    operator.apply_tenant()
    assert await operator.work_off() == 1
    assert operator.api.calls == {
        **{("apply", kind): count for kind, count in CHILDREN.items()},
        ("create", "Secret"): 5,
        ("apply", "AftersendTenantStatus"): 1,
        ("create", "Event"): 1,  # Progressing
    }


async def test_a_tenant_that_runs_has_cost_few_calls(operator: OperatorInMemory) -> None:
    operator.apply_tenant()
    await operator.work_off()
    operator.run_pods()
    await operator.work_off()
    assert operator.reason("Ready") == "Running"
    assert operator.api.calls.total() <= MAX_CALLS
    assert ("get", "ServiceAccount") not in operator.api.calls


async def test_own_writes_enqueue_nothing(operator: OperatorInMemory) -> None:
    operator.apply_tenant()
    await operator.work_off()
    assert await operator.work_off() == 0


async def test_an_idle_tenant_costs_no_calls(operator: OperatorInMemory) -> None:
    await operator.bring_up()
    operator.api.calls.clear()
    for _ in range(3):
        await operator.reconcile()
    assert not operator.api.calls


async def test_a_new_process_reads_the_generated_secrets_and_writes_nothing(operator: OperatorInMemory) -> None:
    await operator.bring_up()
    redis = kept_labels(tenant("mueller", NAMESPACE), "redis")
    metadata = {"name": "redis-0", "namespace": NAMESPACE, "labels": redis}
    is_ready = {"type": "Ready", "status": "True"}
    operator.api.write((POD, "redis-0"), {"metadata": metadata, "status": {"conditions": [is_ready]}})
    operator.api.calls.clear()
    await operator.again().work_off()
    assert operator.api.calls == {("get", "Secret"): 5}


async def test_a_change_by_another_hand_while_we_write_is_set_back(operator: OperatorInMemory) -> None:
    """Its watch event comes before the response to our write, and has a newer version."""
    await operator.bring_up()
    place = (kind_named("NetworkPolicy"), "aftersend-mueller-default")
    wanted, write = operator.api.objects[place]["spec"], operator.api.write

    def another_hand_is_fast(to: tuple[Kind, str], change: Mapping[str, Any]) -> Manifest:
        response = write(to, change)
        operator.api.write = write  # type: ignore[method-assign]
        operator.cache.upsert(to[0], write(to, {"spec": {"egress": [{}]}}))
        return response

    write(place, {"spec": {"ingress": [{}]}})
    operator.watch()
    operator.api.write = another_hand_is_fast  # type: ignore[method-assign]
    await operator.work_off()
    assert operator.api.objects[place]["spec"] == wanted


async def test_an_object_of_another_is_not_changed() -> None:
    operator = OperatorInMemory()
    place = (kind_named("ServiceAccount"), "aftersend-mueller-writer")
    foreign = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": place[1], "namespace": NAMESPACE}}
    before = operator.api.write(place, foreign)
    operator.apply_tenant()
    await operator.work_off()
    assert operator.api.objects[place] == before
    assert operator.reason("Degraded") == "NotOurs"
    assert operator.api.calls["get", "ServiceAccount"] == 1
