import re
from dataclasses import replace
from typing import Any

import pytest

from aftersend import __version__
from aftersend.settings import UPSTREAM_HOSTS
from aftersend.tenant.status import LastExport, Status
from aftersend_operator.metrics import OperatorMetrics
from aftersend_operator.model.faults import Fault
from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import child_record, tenant_record
from aftersend_operator.model.rollout import Rollout, rollout_of
from aftersend_operator.reconcile.rollout_gate import is_rolling
from aftersend_operator.settings import OperatorSettings
from aftersend_operator.status.checks import secret_faults, start_faults
from aftersend_operator.status.conditions import TenantHealth
from aftersend_operator.status.reports import ReportedState
from aftersend_operator.status.status import event_of, events_for, status_manifest, status_of
from tests.support.operator_objects import live, recorded_tenant, tenant_document

NOW, LATER = "2026-11-26T10:00:00Z", "2026-11-26T11:00:00Z"
RUNNING = TenantHealth(available=True)
EXTERNAL = {"mode": "external", "urlSecretName": "redis"}


def workload(**status: Any) -> Any:
    counts = {"observedGeneration": 2, "updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}
    manifest = {"kind": "Deployment", "metadata": {"name": "w", "namespace": "n"}, "spec": {"replicas": 1}}
    return live({**manifest, "status": {**counts, **status}}, generation=2)


@pytest.mark.parametrize(
    ("found", "rollout"),
    [
        (workload(), Rollout(1, 1, complete=True)),
        (workload(observedGeneration=1), Rollout(1, 1, complete=False, observed=False)),
        (workload(updatedReplicas=0), Rollout(1, 1, complete=False)),
        (workload(replicas=2), Rollout(1, 1, complete=False)),
        (workload(availableReplicas=0), Rollout(1, 0, complete=False)),
        (live({"kind": "Service", "metadata": {"name": "s"}}), None),
        (
            workload(availableReplicas=0, conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]),
            Rollout(1, 0, complete=False, stuck=True),
        ),
    ],
)
def test_how_far_a_workload_is(found: Any, rollout: Rollout | None) -> None:
    assert rollout_of(found) == rollout


def test_a_stuck_workload_is_no_longer_rolling() -> None:
    stuck = child_record(
        workload(updatedReplicas=0, conditions=[{"type": "Progressing", "reason": "ProgressDeadlineExceeded"}])
    )
    assert not is_rolling([stuck])


def test_missing_secrets_and_keys_are_named_with_their_cure() -> None:
    tenant = recorded_tenant().tenant
    assert tenant is not None
    known = {("shops", "mueller-afterbuy")}
    faults = list(secret_faults(tenant, known, {"accountToken", "publicKey"}))
    assert [fault.reason for fault in faults] == [ConditionReason.SECRET_KEY_MISSING, ConditionReason.SECRET_MISSING]
    assert faults[0].message == (
        "secret mueller-afterbuy lacks accountToken: "
        """kubectl -n shops patch secret mueller-afterbuy --type=merge -p '{"stringData":{"accountToken":"…"}}'; """
        "pods see a changed secret within two minutes"
    )
    assert faults[1].message == (
        "secret mueller-sendcloud is missing: kubectl -n shops create secret generic mueller-sendcloud "
        "--from-literal=publicKey=… --from-literal=secretKey=… --from-literal=webhookSignatureKey=…"
    )
    assert list(secret_faults(tenant, {*known, ("shops", "mueller-sendcloud")}, set())) == []


def test_all_missing_secrets_are_named_at_once() -> None:
    tenant = recorded_tenant(backup={"target": "s3://backups", "credentialsSecretName": "s3"}).tenant
    assert tenant is not None
    (fault,) = secret_faults(tenant, set(), set())
    assert [name in fault.message for name in ("mueller-afterbuy", "mueller-sendcloud", "s3")] == [True] * 3
    assert "generic s3 --from-literal=accessKeyId=… --from-literal=secretAccessKey=…" in fault.message
    assert len(fault.message) < 1000


@pytest.mark.parametrize(
    ("spec", "allow_http", "expected"),
    [
        ({}, False, ""),
        ({"afterbuy": {"url": "http://sandbox.shops:8080/x"}}, True, ""),
        ({"afterbuy": {"url": "http://127.0.0.1:8080/x"}}, False, ""),
        ({"afterbuy": {"url": "http://sandbox:8080/x"}}, False, "spec.afterbuy.url: .*tenants.allowHttp"),
        ({"sendcloud": {"url": "http://sandbox:8080/x"}}, False, "spec.sendcloud.url: .*tenants.allowHttp"),
        ({"afterbuy": {"url": "https://elsewhere.example/"}}, True, "spec.afterbuy.url: .*tenants.upstreamHosts"),
        ({"afterbuy": {"url": "https://sandbox:8443/x"}}, False, ""),
        ({"afterbuy": {"url": "https://API.afterbuy.de:22/"}}, True, ""),
        ({"afterbuy": {"url": "https://API.afterbuy.de:22/"}}, False, "spec.afterbuy.url: .*port 443"),
        ({"sendcloud": {"url": "https://panel.sendcloud.sc:8443/api"}}, False, "spec.sendcloud.url: .*port 443"),
        ({"redis": EXTERNAL}, False, ""),
        ({"pods": {"annotations": {"prometheus.io/scrape": "false"}, "labels": {"team": "shop"}}}, False, ""),
        ({"pods": {"annotations": {"prometheus.iox/scrape": ""}}}, False, "spec.pods.annotations: .*podAnnotations"),
        ({"pods": {"annotations": {"proxy.example/inject": ""}}}, False, "spec.pods.annotations: .*proxy.example/inj"),
        ({"pods": {"labels": {"role": "database-client"}}}, False, "spec.pods.labels: .*role: .*tenants.podLabels"),
        ({"pods": {"tolerations": [{"key": "dedicated", "operator": "Exists"}]}}, False, ""),
        ({"pods": {"tolerations": [{"key": "a"}, {"operator": "Exists"}]}}, False, r"spec.pods.tolerations\[1\]"),
        (
            {"pods": {"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}},
            False,
            r"spec.pods.tolerations\[0\]",
        ),
        ({"pods": {"tolerations": [{"key": "node-role.kubernetes.io/master"}]}}, False, "control plane"),
    ],
)
def test_what_would_harm_or_keep_a_service_from_starting_is_said_before_anything_rolls(
    *, spec: dict[str, Any], allow_http: bool, expected: str
) -> None:
    tenant = recorded_tenant(**spec).tenant
    assert tenant is not None
    hosts = frozenset({*UPSTREAM_HOSTS, "sandbox", "sandbox.shops"})
    settings = OperatorSettings(service_image="a", redis_image="b", allow_http=allow_http, upstream_hosts=hosts)
    faults = list(start_faults(tenant, settings))
    assert [fault.reason for fault in faults] == (["InvalidSpec"] if expected else [])
    assert all(re.search(expected, fault.message) for fault in faults)


def test_a_report_stays_in_the_status_until_a_newer_one() -> None:
    record = recorded_tenant()
    first = status_of(
        record, RUNNING, ReportedState(last_export=LastExport(time=NOW, read=1), problems={"conflict": 2}), now=NOW
    )
    again = replace(record, status=first)
    assert status_of(again, RUNNING, ReportedState(), now=LATER) == first
    newer = status_of(again, RUNNING, ReportedState(last_export=LastExport(time=LATER, read=2), problems={}), now=LATER)
    assert newer.last_export == LastExport(time=LATER, read=2)
    assert newer.problems is None


@pytest.mark.parametrize(
    ("health", "version"),
    [
        (RUNNING, __version__),
        (TenantHealth(), None),
        (TenantHealth(available=True, rolling=True), None),
        (TenantHealth(available=True, waits_for_turn=True), None),
    ],
)
def test_the_version_is_that_of_the_pods(health: TenantHealth, version: str | None) -> None:
    assert status_of(recorded_tenant(), health, ReportedState(), now=NOW).version == version


@pytest.mark.parametrize(
    ("webhook", "url"),
    [
        ({}, None),
        ({"host": "hooks.example.com"}, "https://hooks.example.com/webhooks/sendcloud"),
        ({"host": "hooks.example.com", "path": "/x"}, "https://hooks.example.com/x"),
    ],
)
def test_the_address_to_enter_in_sendcloud_is_shown_when_it_is_known(webhook: dict[str, str], url: str | None) -> None:
    assert status_of(recorded_tenant(webhook=webhook), RUNNING, ReportedState(), now=NOW).webhook_url == url


def test_a_status_that_was_written_reads_back_as_the_same() -> None:
    record = recorded_tenant()
    status = status_of(record, RUNNING, ReportedState(last_export=LastExport(time=NOW)), now=NOW)
    written = status_manifest(record, status)
    assert written["metadata"]["uid"] == record.uid
    back = tenant_record(live({**tenant_document(), "status": written["status"]}))
    assert back.status == status
    assert status_of(back, RUNNING, ReportedState(), now=LATER) == status


def test_an_unusable_spec_names_the_field_and_not_the_value() -> None:
    record = recorded_tenant(timeZone="s3cr3t/zone")
    assert record.tenant is None
    assert "spec.timeZone" in record.fault
    assert "s3cr3t" not in record.fault
    strange = tenant_record(live(tenant_document(unknownField="s3cr3t")))
    assert strange.tenant is None
    assert "s3cr3t" not in strange.fault


def test_a_status_of_another_shape_is_ignored() -> None:
    assert tenant_record(live({**tenant_document(), "status": {"conditions": "odd"}})).status == Status()


def test_events_warn_of_what_is_wrong_only() -> None:
    record = recorded_tenant()

    def kinds(health: TenantHealth) -> dict[str, str]:
        conditions = status_of(record, health, ReportedState(), now=NOW).conditions
        return {c.type: event_of(record, c, now=NOW, serial="1")["type"] for c in conditions}

    assert set(kinds(RUNNING).values()) == {"Normal"}
    bad = kinds(TenantHealth(faults=[Fault(ConditionReason.NOT_OURS, "m")], suspended=True, rolling=True))
    assert bad == {"Ready": "Warning", "Degraded": "Warning", "Progressing": "Normal", "Suspended": "Normal"}


def test_a_new_tenant_gets_events_for_true_conditions_only() -> None:
    conditions = status_of(recorded_tenant(), TenantHealth(rolling=True), ReportedState(), now=NOW).conditions
    assert [c.type for c in events_for(conditions, is_new=True)] == ["Progressing"]
    assert events_for(conditions, is_new=False) == conditions


def test_the_gauge_of_a_tenant_goes_with_it() -> None:
    metrics = OperatorMetrics()

    def shown() -> dict[tuple[str, str], float]:
        samples = [s for family in metrics.registry.collect() for s in family.samples]
        return {
            (s.labels["condition"], s.labels["reason"]): s.value
            for s in samples
            if s.name == "aftersend_tenant_condition"
        }

    metrics.set_conditions("n.a", status_of(recorded_tenant(), TenantHealth(), ReportedState(), now=NOW).conditions)
    assert shown()["Ready", "Starting"] == 0
    metrics.set_conditions("n.a", status_of(recorded_tenant(), RUNNING, ReportedState(), now=NOW).conditions)
    assert shown()["Ready", "Running"] == 1
    assert ("Ready", "Starting") not in shown()
    metrics.remove_tenant("n.a")
    assert shown() == {}


def test_changes_and_certificates_are_shown_while_the_tenant_is_there() -> None:
    metrics = OperatorMetrics()

    def value(name: str) -> float | None:
        return metrics.registry.get_sample_value(name, {"tenant": "n.a"})

    changes, end = (
        "aftersend_operator_tenant_changes_total",
        "aftersend_webhook_certificate_expiry_timestamp_seconds",
    )
    metrics.record_tenant("n.a", generation=7, certificate_end=0)
    assert (value(changes), value(end)) == (0, None), "what was before our time is no change"
    metrics.record_tenant("n.a", generation=8, certificate_end=1_800_000_000)
    metrics.record_tenant("n.a", generation=8, certificate_end=1_800_000_000)
    assert (value(changes), value(end)) == (1, 1_800_000_000)
    metrics.record_tenant("n.a", generation=8, certificate_end=0)
    assert value(end) is None
    metrics.record_tenant("n.a", generation=8, certificate_end=1)
    metrics.remove_tenant("n.a")
    assert (value(changes), value(end)) == (None, None)
    metrics.record_tenant("n.a", generation=1, certificate_end=0)
    assert value(changes) == 0, "a new tenant of the same name begins anew"
