from typing import Any

import pytest

from aftersend_operator.informer.cache import Cache
from aftersend_operator.manifests.desired import ClusterFacts, desired
from aftersend_operator.model.comparison import with_digest
from aftersend_operator.model.kinds import POD, SECRET, TENANT
from aftersend_operator.model.naming import Manifest
from aftersend_operator.model.records import Key, child_record, key_of, tenant_record
from aftersend_operator.reconcile.plan import plan_changes
from tests.support.operator_objects import SETTINGS, kind_named, live, merchant_secrets, tenant_document

UID = "uid-tenant"
KEY = ("shops", "mueller")
CONFIG_MAP, DEPLOYMENT = kind_named("ConfigMap"), kind_named("Deployment")


class Watched:
    def __init__(self) -> None:
        self.changed: list[Key] = []
        self.cache = Cache(on_change=self.changed.append)
        self.tenant = live(tenant_document(), uid=UID)

    def since(self) -> list[Key]:
        changed = self.changed[:]
        self.changed.clear()
        return changed


@pytest.fixture
def watched() -> Watched:
    return Watched()


def wanted() -> list[Manifest]:
    tenant = tenant_record(live(tenant_document())).tenant
    assert tenant is not None
    return [with_digest(manifest) for manifest in desired(tenant, uid=UID, settings=SETTINGS, facts=ClusterFacts())]


def config_map(**data: str) -> Manifest:
    found = next(manifest for manifest in wanted() if manifest["kind"] == "ConfigMap")
    return {**found, "data": {**found["data"], **data}}


def deleted(cache: Cache, kind: Any, item: Manifest) -> None:
    cache.remove(kind, key_of(item), version=int(item["metadata"]["resourceVersion"]))


def test_an_older_version_never_replaces_a_newer_one(watched: Watched) -> None:
    old, new = live(config_map(a="old"), uid="u"), live(config_map(a="new"), uid="u")
    watched.cache.upsert(CONFIG_MAP, new)
    watched.cache.upsert(CONFIG_MAP, old)
    deleted(watched.cache, CONFIG_MAP, old)
    (child,) = watched.cache.children(KEY).values()
    assert child.digest == child_record(new).digest
    deleted(watched.cache, CONFIG_MAP, live(new))
    assert not watched.cache.children(KEY)


def test_an_object_without_our_label_is_no_child(watched: Watched) -> None:
    foreign = config_map()
    foreign["metadata"]["labels"] = {}
    watched.cache.upsert(CONFIG_MAP, live(foreign))
    assert watched.since() == []


def test_what_is_in_order_stays_so_while_only_its_status_changes(watched: Watched) -> None:
    manifests = wanted()
    for manifest in manifests:
        watched.cache.upsert(kind_named(manifest["kind"]), live(manifest, uid=manifest["kind"]))
    children = watched.cache.children(KEY)
    assert not plan_changes(manifests, children, uid=UID).steps
    assert not any(child.content for child in children.values()), "compared once, kept no longer"
    watched.since()
    for manifest in manifests:
        watched.cache.upsert(kind_named(manifest["kind"]), live({**manifest, "status": {"x": 1}}, uid=manifest["kind"]))
    assert not any(child.content for child in children.values())
    assert watched.since() == []


@pytest.mark.parametrize("place", ["labels", "data", "annotations"])
def test_an_edited_child_differs(watched: Watched, place: str) -> None:
    edited = config_map()
    if place == "data":
        edited = config_map(**{"tenant.yaml": "edited"})
    else:
        first = next(iter(edited["metadata"][place]))
        edited = {**edited, "metadata": {**edited["metadata"], place: {**edited["metadata"][place], first: "edited"}}}
        if place == "labels":
            edited["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "aftersend-operator"
    manifests = [m for m in wanted() if m["kind"] == "ConfigMap" and m["metadata"]["name"].endswith("-tenant")]
    edited["metadata"] |= {"name": manifests[0]["metadata"]["name"]}
    watched.cache.upsert(CONFIG_MAP, live(edited))
    assert watched.since() == [KEY]
    changes = plan_changes(manifests, watched.cache.children(KEY), uid=UID)
    assert [step for step, _ in changes.steps] == ["apply"]


@pytest.mark.parametrize(
    ("owner", "step"),
    [
        (None, "settled"),
        ({"kind": "AftersendTenant", "name": "mueller", "uid": UID}, "settled"),
        ({"kind": "AftersendTenant", "name": "mueller", "uid": "uid-of-an-earlier-one"}, "wait"),
        ({"kind": "AftersendTenant", "name": "schmidt", "uid": "uid-of-another"}, "refuse"),
        ({"kind": "Deployment", "name": "mueller", "uid": "uid-of-a-workload"}, "refuse"),
    ],
)
def test_whose_child_it_is_decides(watched: Watched, owner: dict[str, str] | None, step: str) -> None:
    manifest = config_map()
    del manifest["metadata"]["ownerReferences"]
    owners = [{**owner, "apiVersion": "x/v1", "controller": True}] if owner else []
    watched.cache.upsert(CONFIG_MAP, live(manifest, ownerReferences=owners))
    steps = [step for step, _ in plan_changes([manifest], watched.cache.children(KEY), uid=UID).steps]
    assert (steps or ["settled"]) == [step]


def test_a_child_being_deleted_is_waited_for_and_one_not_cached_is_created(watched: Watched) -> None:
    manifest = config_map()
    assert [s for s, _ in plan_changes([manifest], watched.cache.children(KEY), uid=UID).steps] == ["create"]
    watched.cache.upsert(CONFIG_MAP, live(manifest, deletionTimestamp="2026-11-26T00:00:00Z"))
    assert [s for s, _ in plan_changes([manifest], watched.cache.children(KEY), uid=UID).steps] == ["wait"]


def test_only_what_carries_our_uid_is_pruned(watched: Watched) -> None:
    for name, labels in (("stale", {}), ("data", {"aftersend.jj-ideenschmiede.de/tenant-uid": None})):
        manifest = live(config_map(), name=name)
        manifest["metadata"]["labels"] |= labels
        watched.cache.upsert(CONFIG_MAP, manifest)
    changes = plan_changes([], watched.cache.children(KEY), uid=UID)
    assert [child.key[1] for _, child in changes.prune] == ["stale"]


def test_what_a_new_list_lacks_has_vanished_but_not_what_is_younger_than_the_list(watched: Watched) -> None:
    old, kept, elsewhere = (live(config_map(), name=name) for name in ("old", "kept", "elsewhere"))
    elsewhere["metadata"]["namespace"] = "other"
    for item in (old, kept, elsewhere):
        watched.cache.upsert(CONFIG_MAP, item)
    at = int(elsewhere["metadata"]["resourceVersion"])
    watched.cache.upsert(CONFIG_MAP, live(config_map(), name="young"))
    watched.since()
    watched.cache.replace_all(CONFIG_MAP, "shops", [kept], version=at)
    assert sorted(name for _, name in watched.cache.children(KEY)) == ["kept", "young"]
    assert watched.since() == [KEY]
    watched.cache.replace_all(CONFIG_MAP, "", [], version=at + 100)
    assert not watched.cache.children(KEY)
    assert not watched.cache.children(("other", "mueller"))


def test_a_changed_secret_enqueues_the_tenants_that_name_it_and_no_others(watched: Watched) -> None:
    watched.cache.upsert(TENANT, watched.tenant)
    watched.cache.upsert(TENANT, live(tenant_document("schmidt"), uid="other"))
    watched.since()
    first, second = (live(secret) for secret in merchant_secrets(value="geheim"))
    watched.cache.upsert(SECRET, first)
    watched.cache.upsert(SECRET, live({**second, "metadata": {**second["metadata"], "namespace": "elsewhere"}}))
    assert watched.since() == [KEY]
    assert "geheim" not in repr(watched.cache)
    assert first["data"]["partnerToken"] not in repr(watched.cache)
    deleted(watched.cache, SECRET, first)
    assert watched.since() == [KEY]
    watched.cache.replace_all(TENANT, "", [], version=10**9)
    assert sorted(watched.since()) == [KEY, ("shops", "schmidt")]
    assert not watched.cache.tenants


def test_a_changed_pod_enqueues_its_tenant(watched: Watched) -> None:
    pod = live(
        {
            "kind": "Pod",
            "metadata": {
                "name": "p",
                "namespace": "shops",
                "labels": {
                    "aftersend.jj-ideenschmiede.de/tenant": "mueller",
                    "app.kubernetes.io/component": "export",
                },
            },
            "status": {
                "podIP": "10.0.0.1",
                "containerStatuses": [
                    {"state": {"terminated": {"message": "{}", "finishedAt": "2026-11-26T10:00:00Z"}}},
                ],
            },
        }
    )
    watched.cache.upsert(POD, pod)
    assert watched.since() == [KEY]
    (seen,) = watched.cache.pods(KEY)
    assert (seen.part, seen.ended, seen.report, seen.address) == ("export", "2026-11-26T10:00:00Z", b"{}", "10.0.0.1")
    deleted(watched.cache, POD, pod)
    assert not list(watched.cache.pods(KEY))


def test_the_cache_knows_the_resource_versions_it_holds(watched: Watched) -> None:
    child, pod, secret = live(config_map()), live({**config_map(), "kind": "Pod"}), live(merchant_secrets()[0])
    for kind, item in ((TENANT, watched.tenant), (CONFIG_MAP, child), (POD, pod), (SECRET, secret)):
        watched.cache.upsert(kind, item)
        known = {key_of(item): int(item["metadata"]["resourceVersion"])}
        assert watched.cache.versions(kind, "") == watched.cache.versions(kind, "shops") == known
        assert watched.cache.versions(kind, "others") == {}
