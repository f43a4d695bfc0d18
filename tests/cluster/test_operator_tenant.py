"""One tenant from the first apply on: children, conditions, drift, ownership, what a person sees."""

from typing import Any

import msgspec
import pytest

from tests.support.cluster.operator_scene import CANARY, OperatorScene, eventually

pytestmark = pytest.mark.timeout(900)
NAME = "mueller"
KEPT = ("PersistentVolumeClaim/", "Secret/")
"""Data: another test."""
KINDS = {
    "ConfigMap",
    "CronJob",
    "Deployment",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "Secret",
    "Service",
    "ServiceAccount",
    "StatefulSet",
}


def test_a_tenant_gets_its_children_and_says_when_it_is_ready(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant(webhook={"host": "hooks.example.com"})
    eventually(scene.settled, what="the children")
    assert scene.reason("Ready") == "Starting"
    assert scene.reason("Progressing") == "RollingOut"
    eventually(scene.is_running, what="Ready")
    status = scene.status()
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "Ready": "True",
        "Progressing": "False",
        "Degraded": "False",
        "Suspended": "False",
    }
    assert {c["observedGeneration"] for c in status["conditions"]} == {status["observedGeneration"]} == {1}
    assert status["webhookUrl"] == "https://hooks.example.com/webhooks/sendcloud"
    assert {key.partition("/")[0] for key in scene.children()} == KINDS


def test_nothing_of_kopf_stands_on_a_tenant(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    metadata = scene.get(f"ast/{NAME}")["metadata"]
    assert "finalizers" not in metadata
    assert not [key for key in metadata.get("annotations", {}) if "kopf" in key]


def test_the_printer_columns_show_what_matters(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    head, row = scene.cluster.kubectl("get", "ast", f"-n{scene.namespace}").splitlines()
    assert head.split() == ["NAME", "READY", "REASON", "DEGRADED", "LAST", "EXPORT", "SUSPENDED", "AGE"]
    assert row.split()[:4] == [NAME, "True", "Running", "Healthy"]


def test_the_list_fits_a_terminal_and_can_be_sorted_with_the_broken_ones_last(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.apply_tenant("a-first-one-without-its-secret")
    scene.bring_up()
    eventually(lambda: scene.reason("Degraded", "a-first-one-without-its-secret") == "SecretMissing", what="a fault")
    by_fault = "--sort-by=.status.conditions[?(@.type=='Degraded')].status"
    rows = scene.cluster.kubectl("get", "ast", f"-n{scene.namespace}", by_fault).splitlines()
    assert rows[-1].split()[:4] == ["a-first-one-without-its-secret", "False", "SecretMissing", "SecretMissing"]
    assert len(f"{scene.namespace}   ") + max(map(len, rows)) <= 120
    head, *rows = scene.cluster.kubectl("get", "ast", f"-n{scene.namespace}", "-o", "wide").splitlines()
    assert head.partition(" AGE ")[2].split() == ["MESSAGE", "PROGRESSING", "LAST", "WRITE-BACK", "VERSION"]
    assert "create secret" in rows[0]


def test_an_idle_tenant_costs_no_calls_and_a_restart_no_writes(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    operator.end()
    scene.proxy.calls.clear()
    again = scene.operator().start()
    eventually(lambda: again.metric('aftersend_operator_reconciles_total{outcome="done"}'), what="a look")
    eventually(lambda: not again.metric("aftersend_operator_queue_depth"), what="an idle queue")
    assert [call for call in scene.proxy.calls if call.method != "GET"] == []
    reads = [
        call.path
        for call in scene.proxy.calls
        if call.path.endswith(
            tuple(f"/aftersend-{NAME}-{w}" for w in ("data-key", "fingerprint", "seal-key", "redis-users", "redis-tls"))
        )
    ]
    assert len(reads) == 5, "its own secrets are looked at once"


def test_deleted_children_come_back(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    uids = {key: child["metadata"]["uid"] for key, child in scene.children().items() if not key.startswith(KEPT)}
    for key in uids:
        scene.delete(f"{key.partition('/')[0].lower()}/{key.partition('/')[2]}")

    def are_new() -> bool:
        now = scene.children()
        return all(key in now and now[key]["metadata"]["uid"] != uid for key, uid in uids.items())

    eventually(are_new, what="a new one of each")
    said = {f"{key.replace('/', ' ')} was deleted, made again" for key in uids}
    eventually(lambda: set(scene.messages("ChildRepaired")) == said, what="an event for each")
    assert scene.log().count("child_repaired") == len(uids), "and a line"


EDITS: dict[str, dict[str, Any]] = {
    "configmap/aftersend-mueller-tenant": {"data": {"tenant.yaml": "edited"}},
    "cronjob/aftersend-mueller-export": {"spec": {"schedule": "1 1 1 1 1"}},
    "service/aftersend-mueller-webhook": {"metadata": {"labels": {"app.kubernetes.io/managed-by": None}}},
    "networkpolicy/aftersend-mueller-default": {"spec": {"egress": [{}]}},
    "deployment/aftersend-mueller-exporter": {"metadata": {"ownerReferences": None}},
}


def test_edited_children_are_put_right(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    before = {what: essence(scene.get(what)) for what in EDITS}
    for what, edit in EDITS.items():
        scene.patch(what, edit)
    for what in EDITS:
        eventually(lambda what=what: essence(scene.get(what)) == before[what], what=f"{what} as before")  # type: ignore[misc]
    names = {what.partition("/")[2]: scene.get(what)["kind"] for what in EDITS}
    said = {f"{kind} {name}: changed by another field manager, set back" for name, kind in names.items()}
    eventually(lambda: set(scene.messages("ChildRepaired")) == said, what="an event for each")


def essence(live: dict[str, Any]) -> list[Any]:
    """What a person would notice to be changed."""
    metadata = live["metadata"]
    return [live.get("data"), live.get("spec"), metadata.get("labels"), metadata.get("ownerReferences")]


def test_a_generated_secret_comes_back_but_is_never_overwritten(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    what = f"secret/aftersend-{NAME}-data-key"
    scene.patch(what, {"data": {"20990101": "bmV3"}})
    scene.apply_tenant(suspend=True)
    eventually(lambda: scene.reason("Suspended") == "SuspendedBySpec", what="the suspension")
    assert scene.get(what)["data"]["20990101"] == "bmV3"
    what = f"secret/aftersend-{NAME}-redis-users"
    scene.delete(what)
    eventually(lambda: scene.exists(what), what="new passwords")


def test_a_lost_key_is_a_condition_and_never_replaced(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    names = [f"secret/aftersend-{NAME}-{key}" for key in ("data-key", "fingerprint")]
    kept = [scene.get(name) for name in names]
    for name in names:
        scene.delete(name)
    eventually(lambda: scene.reason() == "DataKeyMissing", what="the condition")
    scene.delete(f"ast/{NAME}")
    eventually(lambda: not scene.exists(f"deployment/aftersend-{NAME}-writer"), what="the tenant's end")
    scene.apply_tenant()
    eventually(lambda: scene.reason() == "DataKeyMissing", what="the volumes to be noticed")
    assert not any(scene.exists(name) for name in names)
    for secret in kept:
        labels = {
            "name": secret["metadata"]["name"],
            "namespace": scene.namespace,
            "labels": secret["metadata"]["labels"],
        }
        scene.kube.apply({"apiVersion": "v1", "kind": "Secret", "metadata": labels, "data": secret["data"]})
    eventually(scene.is_running, what="it to heal")
    assert [scene.get(name)["data"] for name in names] == [secret["data"] for secret in kept]


def test_a_part_that_was_scaled_to_0_is_said_with_the_command_that_brings_it_back(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    scale(scene, 0)
    eventually(lambda: scene.reason() == scene.reason("Degraded") == "ScaledToZero", what="the condition")
    command = f"kubectl -n {scene.namespace} scale deployment aftersend-{NAME}-writer --replicas=1"
    assert command in scene.conditions()["Ready"]["message"]
    scale(scene, 1)
    eventually(scene.is_running, what="it to serve again")


def scale(scene: OperatorScene, replicas: int) -> None:
    scene.patch(f"deployment/aftersend-{NAME}-writer", {"spec": {"replicas": replicas}}, manager="kubectl-scale")


def test_what_others_add_stays_and_what_we_no_longer_want_goes(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    service, cron = f"service/aftersend-{NAME}-webhook", f"cronjob/aftersend-{NAME}-export"
    scene.patch(service, {"metadata": {"annotations": {"mesh.example/inject": "yes"}, "labels": {"team": "shops"}}})
    policy = scene.get(service)["spec"].get("sessionAffinity")
    scene.apply_tenant(suspend=True)
    eventually(lambda: scene.get(cron)["spec"]["suspend"], what="suspended jobs")
    kept = scene.get(service)
    assert kept["metadata"]["annotations"]["mesh.example/inject"] == "yes"
    assert kept["metadata"]["labels"]["team"] == "shops"
    assert kept["spec"].get("sessionAffinity") == policy
    scene.apply_tenant(topology="compact")
    eventually(lambda: scene.exists(f"deployment/aftersend-{NAME}-all"), what="the one process")
    eventually(lambda: not scene.exists(cron), what="the jobs to go")
    left = [key for key in scene.children() if key.startswith("Deployment/")]
    assert left == [f"Deployment/aftersend-{NAME}-all"]


def test_another_manager_of_a_field_loses_it_and_no_war_begins(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    what = f"aftersend-{NAME}-export"
    known = scene.get(f"cronjob/{what}")
    scene.kube.apply(
        {
            "apiVersion": known["apiVersion"],
            "kind": known["kind"],
            "metadata": {"name": what, "namespace": scene.namespace},
            "spec": known["spec"],
        },
        manager="helm",
    )
    scene.patch(f"cronjob/{what}", {"spec": {"schedule": "5 5 5 5 5"}}, manager="kubectl-edit")
    eventually(lambda: scene.get(f"cronjob/{what}")["spec"]["schedule"] == "0 * * * *", what="our schedule")
    eventually(lambda: not operator.metric("aftersend_operator_queue_depth"), what="an idle queue")
    version = scene.get(f"cronjob/{what}")["metadata"]["resourceVersion"]
    scene.patch(f"cronjob/{what}", {"metadata": {"annotations": {"a": "b"}}})
    eventually(lambda: not operator.metric("aftersend_operator_queue_depth"), what="an idle queue")
    managed = scene.get(f"cronjob/{what}")["metadata"]
    assert managed["resourceVersion"] != version
    owners = {entry["manager"] for entry in managed.get("managedFields", ())}
    assert "kubectl-edit" not in owners


def test_an_object_of_another_owner_is_never_taken_over(scene: OperatorScene) -> None:
    name = f"aftersend-{NAME}-webhook"
    foreign = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": scene.namespace},
        "spec": {"ports": [{"port": 9999}]},
    }
    scene.kube.apply(foreign, manager="another")
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant()
    eventually(lambda: scene.reason() == "NotOurs", what="the refusal")
    assert name in scene.conditions()["Ready"]["message"]
    assert scene.get(f"service/{name}")["spec"]["ports"][0]["port"] == 9999
    assert "labels" not in scene.get(f"service/{name}")["metadata"]
    eventually(lambda: scene.exists(f"cronjob/aftersend-{NAME}-export"), what="all other children")
    assert scene.events().count("NotOurs") <= 2, "one event per condition that changed, not one per look"
    scene.delete(f"service/{name}")
    eventually(lambda: scene.reason() == "Starting", what="the name to be ours")


def test_a_missing_secret_is_a_condition_that_heals_by_itself(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.apply_tenant()
    eventually(lambda: scene.reason() == "SecretMissing", what="the condition")
    assert f"secret {NAME}-afterbuy is missing" in scene.conditions()["Ready"]["message"]
    half = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{NAME}-afterbuy", "namespace": scene.namespace},
    }
    scene.kube.apply({**half, "stringData": {"partnerToken": CANARY}})
    eventually(
        lambda: "accountToken" in scene.conditions()["Ready"]["message"] or scene.reason() == "SecretMissing",
        what="the rest",
    )
    scene.apply_secrets()
    eventually(lambda: scene.reason() == "Starting", what="it to heal")
    scene.delete(f"secret/{NAME}-sendcloud")
    eventually(lambda: scene.reason() == "SecretMissing", what="the condition again")


def test_what_a_service_would_refuse_is_refused_before_it_rolls(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    before = scene.get(f"deployment/aftersend-{NAME}-writer")["metadata"]["generation"]
    scene.apply_tenant(afterbuy={"url": "http://api.afterbuy.de/"})
    eventually(lambda: scene.reason() == "InvalidSpec", what="the condition")
    message = scene.conditions()["Ready"]["message"]
    assert "spec.afterbuy.url" in message
    assert "tenants.allowHttp" in message
    assert scene.get(f"deployment/aftersend-{NAME}-writer")["metadata"]["generation"] == before
    assert "http://" not in str(scene.get(f"configmap/aftersend-{NAME}-tenant")["data"]), "the last good document stays"
    scene.apply_tenant()
    eventually(scene.is_running, what="it to heal")


def test_two_tenants_of_one_address_are_said_and_the_younger_gets_no_ingress(scene: OperatorScene) -> None:
    scene.operator().start()
    webhook = {"host": "hooks.example.com", "ingressClassName": "nginx"}
    scene.bring_up(webhook=webhook)
    scene.bring_up("younger", webhook=webhook)
    eventually(lambda: scene.reason("Degraded", "younger") == "AddressTaken", what="the condition")
    assert f"{scene.namespace}.{NAME}" in scene.conditions("younger")["Degraded"]["message"]
    assert (scene.reason(name="younger"), "webhookUrl" in scene.status("younger")) == ("Running", False)
    assert scene.exists(f"ingress/aftersend-{NAME}-webhook")
    assert not scene.exists("ingress/aftersend-younger-webhook")
    assert scene.reason("Degraded") == "Healthy"
    scene.apply_tenant("younger", webhook={**webhook, "path": "/younger"})
    eventually(lambda: scene.exists("ingress/aftersend-younger-webhook"), what="an address of its own")
    eventually(lambda: scene.reason("Degraded", "younger") == "Healthy", what="it to heal")


def test_an_address_without_its_certificate_is_said_and_heals(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up(webhook={"host": "hooks.example.com", "ingressClassName": "nginx", "tlsSecretName": "hooks-tls"})
    eventually(lambda: scene.reason("Degraded") == "AddressNotServed", what="the condition")
    message = scene.conditions()["Degraded"]["message"]
    assert f"kubectl -n {scene.namespace} create secret tls hooks-tls" in message
    assert "nginx" not in message, "a Role may not list the cluster's classes"
    assert scene.reason() == "Running"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "hooks-tls", "namespace": scene.namespace}}
    scene.kube.apply({**secret, "stringData": {"tls.crt": CANARY, "tls.key": CANARY}})
    eventually(lambda: scene.reason("Degraded") == "Healthy", what="it to heal")


def test_a_second_operator_leaves_a_tenant_alone_until_it_is_let_go(scene: OperatorScene) -> None:
    first, second = ({"AFTERSEND_OPERATOR_NAMESPACE": "ops", "AFTERSEND_OPERATOR_RELEASE": name} for name in "ab")
    scene.operator(**first).start()
    scene.bring_up()
    assert scene.status()["servedBy"] == "ops/a"
    other = scene.operator(**second, AFTERSEND_SERVICE_IMAGE="localhost/other:1").start()
    eventually(lambda: "ServedByAnother" in scene.events(), what="the event")
    assert other.metric("aftersend_operator_foreign_tenants") == 1
    assert other.metric("aftersend_operator_tenants") == 0
    (writer,) = scene.get(f"deployment/aftersend-{NAME}-writer")["spec"]["template"]["spec"]["containers"]
    assert writer["image"] == "localhost/aftersend-service:test"
    scene.operators[0].end()
    scene.patch(f"ast/{NAME}", {"status": {"servedBy": ""}}, subresource="status")
    eventually(lambda: scene.status().get("servedBy") == "ops/b", what="the other one to take it")
    assert scene.events().count("ServedByAnother") == 1


def test_what_jobs_report_stands_in_the_status(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    health = {"afterbuy": "refused", "message": "afterbuy: refused", "lastWriteBack": "2026-11-26T08:00:00Z"}
    failed = {"run": "r1", "outcome": "failed", "health": health}
    scene.report_job("export", failed, ended="2026-11-26T10:00:00Z")
    scene.report_job(
        "backup", {"id": "b1", "time": "2026-11-26T10:10:00Z", "verified": True}, ended="2026-11-26T10:10:01Z"
    )
    eventually(lambda: scene.reason() == "CredentialsRefused", what="the verdict")
    eventually(lambda: "lastBackup" in scene.status(), what="the backup")
    status = scene.status()
    assert status["lastExport"]["outcome"] == "failed"
    assert status["lastWriteBack"] == {"time": "2026-11-26T08:00:00Z"}
    assert status["lastBackup"] == {
        "time": "2026-11-26T10:10:00Z",
        "outcome": "done",
        "id": "b1",
        "keys": 0,
        "bytes": 0,
        "verified": True,
    }
    scene.patch(f"secret/{NAME}-afterbuy", {"stringData": {"partnerToken": f"{CANARY}-right"}})
    eventually(lambda: scene.reason() == "Running", what="the verdict to be dropped with the old key")
    done = {"run": "r2", "outcome": "done", "read": 3, "sent": 2}
    scene.report_job("export", done, ended="2026-11-26T11:00:00Z")
    eventually(lambda: scene.status()["lastExport"].get("sent") == 2, what="the next export")
    assert scene.reason("Degraded") == "Healthy"


def test_a_spec_that_only_we_can_refuse_becomes_a_condition_and_costs_nothing(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    scene.apply_tenant(timeZone=f"Nowhere/{CANARY}")
    eventually(lambda: scene.reason() == "InvalidSpec", what="the condition")
    assert "spec.timeZone" in scene.conditions()["Ready"]["message"]
    eventually(lambda: not operator.metric("aftersend_operator_queue_depth"), what="an idle queue")
    scene.proxy.calls.clear()
    looks = operator.metric("aftersend_operator_reconciles_total")
    scene.patch(f"secret/{NAME}-afterbuy", {"metadata": {"labels": {"touched": "yes"}}})
    scene.patch(f"configmap/aftersend-{NAME}-tenant", {"data": {"tenant.yaml": "edited"}})
    eventually(lambda: operator.metric("aftersend_operator_reconciles_total") > looks, what="another look")
    assert not [call for call in scene.proxy.calls if NAME in f"{call.path} {call.what}"]
    scene.apply_tenant()
    eventually(lambda: scene.reason() == "Running", what="it to heal")


def test_what_the_server_refuses_names_the_field_and_not_the_value(scene: OperatorScene) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": scene.namespace},
        "spec": {"hard": {"count/cronjobs.batch": "0"}},
    }
    scene.kube.apply(quota)
    scene.patch(
        "resourcequota/none",
        {"status": {"hard": quota["spec"]["hard"], "used": {"count/cronjobs.batch": "0"}}},
        subresource="status",
    )
    scene.operator().start()
    scene.apply_secrets()
    scene.apply_tenant()
    eventually(lambda: scene.reason() == "ApplyRefused", what="the condition")
    message = scene.conditions()["Ready"]["message"]
    assert f"refuses CronJob aftersend-{NAME}-export (exceeded quota: none" in message
    assert "raise the quota or limit" in message
    assert scene.exists(f"deployment/aftersend-{NAME}-writer"), "the others are made all the same"
    scene.delete("resourcequota/none")
    eventually(lambda: scene.reason() == "Starting", what="it to heal")


def test_events_are_posted_on_transitions_only(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    scene.patch(f"ast/{NAME}", {"metadata": {"labels": {"a": "b"}}})
    scene.apply_tenant(suspend=True)
    eventually(lambda: scene.reason("Suspended") == "SuspendedBySpec", what="the suspension")
    eventually(lambda: "SuspendedBySpec" in scene.events(), what="the event")
    counted = {reason: scene.events().count(reason) for reason in ("Running", "SuspendedBySpec")}
    assert counted == {"Running": 1, "SuspendedBySpec": 1}
    assert not scene.messages("ChildRepaired"), "neither the first creation nor the change of the document"


def test_a_transition_is_posted_once_although_the_watch_shows_it_late(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    scene.proxy.deafen_watches("/aftersendtenants")
    writer = f"deployment/aftersend-{NAME}-writer"
    scene.patch(writer, {"spec": {"replicas": 0}})
    eventually(lambda: scene.events().count("ScaledToZero") == 2, what="Ready and Degraded to be said")
    passes = operator.metric("aftersend_operator_reconciles_total")
    scene.patch(writer, {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 7}}}})
    eventually(lambda: operator.metric("aftersend_operator_reconciles_total") > passes, what="another pass")
    assert scene.events().count("ScaledToZero") == 2


def test_series_of_a_tenant_are_there_while_it_is(scene: OperatorScene) -> None:
    operator = scene.operator().start()
    scene.bring_up()
    ready = f'aftersend_tenant_condition{{condition="Ready",reason="Running",tenant="{scene.namespace}.{NAME}"}}'
    eventually(lambda: operator.metric(ready) == 1, what="the gauge")
    assert operator.ask("/healthz") == (200, "ok\n")
    assert operator.metric("aftersend_operator_stalled") == 0
    changes = f'aftersend_operator_tenant_changes_total{{tenant="{scene.namespace}.{NAME}"}}'
    assert operator.metric(changes) == 0
    scene.apply_tenant(suspend=True)
    eventually(lambda: operator.metric(changes) == 1, what="the change to be counted")
    scene.delete(f"ast/{NAME}")
    eventually(lambda: f'tenant="{scene.namespace}' not in operator.ask("/metrics")[1], what="the series to go")
    assert operator.metric("aftersend_operator_tenants") == 0


def test_messages_are_short(scene: OperatorScene) -> None:
    scene.operator().start()
    scene.bring_up()
    report = {"run": "r", "outcome": "failed", "error": "x" * 3000}
    scene.report_job("export", report, ended="2026-11-26T10:00:00Z")
    eventually(lambda: scene.reason("Degraded") == "ExportFailed", what="the condition")
    assert len(scene.conditions()["Degraded"]["message"]) <= 400
    assert len(msgspec.json.encode(scene.status())) < 4000
