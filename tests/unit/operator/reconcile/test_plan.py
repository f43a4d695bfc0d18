"""The order of an upgrade: writers that open public seals come before a webhook that makes them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.model.comparison import with_digest
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import tenant_record
from aftersend_operator.reconcile.plan import plan_changes
from tests.support.operator_objects import SETTINGS, kind_named, live, tenant_document

UID, KEY = "uid-tenant", ("shops", "mueller")
DONE = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1}
ROLLING = {**DONE, "replicas": 2}
STUCK = {**ROLLING, "conditions": [{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}
WEBHOOK, WRITER = "aftersend-mueller-webhook", "aftersend-mueller-writer"


def wanted(**spec: Any) -> dict[str, Manifest]:
    tenant = tenant_record(live(tenant_document(**spec))).tenant
    assert tenant is not None
    manifests = desired(tenant, uid=UID, settings=SETTINGS, facts=ClusterFacts())
    return {
        manifest["metadata"]["name"]: with_digest(manifest)
        for manifest in manifests
        if manifest["kind"] == "Deployment" and manifest["metadata"]["name"].endswith(("-webhook", "-writer"))
    }


def of_an_earlier_release(manifest: Manifest) -> Manifest:
    """Another image, and in the webhook the data key in the place of the seal key."""
    text = json.dumps(manifest).replace("seal-key", "data-key").replace("aftersend:1", "aftersend:0")
    return with_digest(json.loads(text))


def steps(found: Mapping[str, tuple[Manifest, Any]], manifests: Mapping[str, Manifest]) -> dict[str, str]:
    cache = Cache(on_change=lambda _: None)
    for manifest, status in found.values():
        cache.upsert(kind_named("Deployment"), live({**manifest, "status": status}))
    changes = plan_changes(list(manifests.values()), cache.children(KEY), uid=UID)
    return {manifest["metadata"]["name"]: step for step, manifest in changes.steps}


@pytest.mark.parametrize(
    ("is_new", "status", "expected"),
    [
        (False, DONE, {WRITER: "apply", WEBHOOK: "wait"}),
        (True, ROLLING, {WEBHOOK: "wait"}),
        (True, STUCK, {WEBHOOK: "wait"}),
        (True, {**DONE, "observedGeneration": 0}, {WEBHOOK: "wait"}),
        (True, DONE, {WEBHOOK: "apply"}),
    ],
    ids=["writer of before", "writer rolls", "writer is stuck", "not seen yet", "writer is new"],
)
def test_the_webhook_loses_its_data_key_once_every_writer_is_new(
    status: Any, expected: dict[str, str], *, is_new: bool
) -> None:
    new = wanted()
    writer = new[WRITER] if is_new else of_an_earlier_release(new[WRITER])
    found = {WRITER: (writer, status), WEBHOOK: (of_an_earlier_release(new[WEBHOOK]), DONE)}
    assert steps(found, new) == expected


def test_without_any_writer_it_waits_for_the_first() -> None:
    new = wanted()
    assert steps({WEBHOOK: (of_an_earlier_release(new[WEBHOOK]), DONE)}, new) == {WRITER: "create", WEBHOOK: "wait"}


@pytest.mark.parametrize("status", [DONE, ROLLING, STUCK])
def test_a_webhook_that_has_its_seal_key_waits_for_nothing(status: Any) -> None:
    before, new = wanted(), wanted(webhook={"path": "/another"})
    found = {WRITER: (before[WRITER], status), WEBHOOK: (before[WEBHOOK], DONE)}
    assert steps(found, new) == {WRITER: "apply", WEBHOOK: "apply"}


def test_a_new_tenant_waits_for_nothing() -> None:
    assert steps({}, wanted()) == {WRITER: "create", WEBHOOK: "create"}
