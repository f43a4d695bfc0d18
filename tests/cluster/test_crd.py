"""The custom resource in a real API server: it says the same of every document as the reader of files."""

import json
import os
import re
import subprocess
import time
from contextlib import suppress
from typing import Any

import pytest
import yaml

from aftersend.crd.definition import definition
from aftersend.tenant.loading import tenant_of
from tests.support.cluster.kube_client import ApiRefusedError, kube_client
from tests.support.tenant_kit import BAD, CONTRADICTIONS, FULL, GOOD, LATER, LEAST, with_field
from tools.test_cluster.cluster import Cluster, CommandError

CRD = definition()["metadata"]["name"]
KUBERNETES_OWN = ("apiVersion", "kind", "metadata.namespace")
"""kubectl does not even send these to the tenants' address."""


@pytest.fixture(scope="module")
def cluster(api_cluster: Cluster) -> Cluster:
    api_cluster.apply(definition())
    api_cluster.wait_until_established(CRD)
    _until_served(api_cluster)
    return api_cluster


def _until_served(cluster: Cluster) -> None:
    """Established comes a moment before the first object can be made."""
    while True:
        try:
            cluster.kubectl("get", "aftersendtenants", "--all-namespaces")
        except CommandError:
            time.sleep(0.2)
        else:
            return


@pytest.fixture(scope="module")
def namespace(cluster: Cluster) -> str:
    return cluster.make_namespace("crd")


def tenant(namespace: str, name: str = "mueller", text: str = LEAST) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(text)
    document["metadata"] = {"name": name, "namespace": namespace}
    return document


def named(namespace: str, number: int, path: str, value: Any) -> dict[str, Any]:
    document = with_field(path, value)
    name = value if path == "metadata.name" else f"document-{number}"
    return document | {"metadata": {"name": name, "namespace": namespace}}


def taken(cluster: Cluster, documents: list[dict[str, Any]], *options: str) -> tuple[set[str], str]:
    """Names of those that the server would create, and what it says of the others."""
    program = str(cluster.programs / "kubectl") if cluster.programs else "kubectl"
    done = subprocess.run(
        [program, "create", "--dry-run=server", "--output=name", "--filename=-", *options],
        input=json.dumps({"apiVersion": "v1", "kind": "List", "items": documents}),
        env={**os.environ, "KUBECONFIG": str(cluster.kubeconfig)},
        capture_output=True,
        text=True,
        check=False,
    )
    return {line.rpartition("/")[2] for line in done.stdout.splitlines()}, done.stderr


def test_the_server_takes_the_definition_without_a_word(cluster: Cluster) -> None:
    conditions = {each["type"]: each["status"] for each in cluster.get("crd", CRD)["status"]["conditions"]}
    assert conditions["Established"] == "True"
    assert "NonStructuralSchema" not in conditions


def test_the_server_takes_what_files_take(cluster: Cluster, namespace: str) -> None:
    documents = [named(namespace, number, *case) for number, case in enumerate(GOOD + LATER)]
    names, said = taken(cluster, documents)
    assert {each["metadata"]["name"] for each in documents} - names == set(), said


def test_the_server_refuses_what_files_refuse(cluster: Cluster, namespace: str) -> None:
    """One by one: of a list, kubectl refuses all documents because of one."""
    cases = [case for case in BAD if case[0] not in KUBERNETES_OWN]
    accepted = []
    with kube_client(cluster) as client:
        for number, case in enumerate(cases):
            with suppress(ApiRefusedError):
                client.try_to_create(named(namespace, number, *case))
                accepted.append(case)
    assert accepted == []


def test_no_refusal_is_a_bare_regular_expression(cluster: Cluster, namespace: str) -> None:
    cases = [case for case in BAD if case[0].startswith("spec.")]
    documents = [named(namespace, number, *case) for number, case in enumerate(cases)]
    _, said = taken(cluster, documents, "--validate=false")  # else kubectl refuses them all for one unknown field
    refusals = [text for text in said.splitlines() if "should match" in text]
    assert len(refusals) > 20, said
    assert [text for text in refusals if not re.search(r": use [^\n]* such as |must be of type date", text)] == []


@pytest.mark.parametrize(("path", "value", "at"), CONTRADICTIONS)
def test_contradictions_are_refused_with_the_field_and_the_cure(
    cluster: Cluster, namespace: str, path: str, value: Any, at: str
) -> None:
    names, said = taken(cluster, [named(namespace, 0, path, value)])
    assert not names
    assert f"{at}: " in said, said
    assert re.search(r"use|set|leave out|take|needs", said)


def test_an_unknown_field_is_refused_by_kubectl_and_pruned_for_those_who_do_not_ask(
    cluster: Cluster, namespace: str
) -> None:
    document = tenant(namespace, "unknown")
    document["spec"]["export"] = {"shedule": "0 * * * *"}
    with pytest.raises(CommandError, match=r"unknown field.*spec\.export\.shedule"):
        cluster.kubectl("create", "--filename=-", text=json.dumps(document))
    cluster.kubectl("create", "--validate=false", "--filename=-", text=json.dumps(document))
    assert "shedule" not in cluster.get("ast", "unknown", f"--namespace={namespace}")["spec"]["export"]


def test_the_server_fills_in_the_defaults_of_the_model(cluster: Cluster, namespace: str) -> None:
    cluster.apply(tenant(namespace, "defaults"))
    live = cluster.get("ast", "defaults", f"--namespace={namespace}")
    assert tenant_of(live).spec == tenant_of(yaml.safe_load(FULL)).spec
    assert live["spec"]["export"]["window"] == {"lookbackDays": 1, "catchUpDays": 14, "dateField": "AuctionEndDate"}
    assert live["spec"]["redis"]["mode"] == "managed"


@pytest.mark.parametrize("name", ["x" * 31, "1mueller", "a.b"])
def test_names_that_do_not_fit_are_refused_with_the_reason(cluster: Cluster, namespace: str, name: str) -> None:
    names, said = taken(cluster, [tenant(namespace, name)])
    assert not names
    assert "metadata.name" in said


def test_the_mode_of_redis_never_changes(cluster: Cluster, namespace: str) -> None:
    document = tenant(namespace, "mode")
    cluster.apply(document)
    document["spec"]["redis"] = {"mode": "external", "urlSecretName": "url"}
    with pytest.raises(CommandError, match=r"spec\.redis\.mode: .*redis\.mode cannot change: make a new tenant"):
        cluster.apply(document)
    document["spec"]["redis"] = {}
    cluster.apply(document)


def test_what_a_volume_cannot_become_is_for_the_operator_to_say(cluster: Cluster, namespace: str) -> None:
    document = tenant(namespace, "volumes")
    for storage, storage_class in (("1Gi", None), ("2Gi", None), ("1536Mi", "fast"), ("3Gi", "slow"), ("1Gi", None)):
        document["spec"] |= {"redis": {"storage": storage}, "pods": {"storageClass": storage_class}}
        cluster.apply(document)


def test_explain_reads_like_documentation(cluster: Cluster) -> None:
    text = cluster.kubectl("explain", "aftersendtenant.spec.export")
    assert "The way from Afterbuy to Sendcloud." in text
    assert "When exports run: five cron fields, in the tenant's time zone." in text
    assert "<no description>" not in cluster.kubectl("explain", "ast.spec", "--recursive=false")
    assert "<no description>" not in cluster.kubectl("explain", "ast.status")
    assert 'Default: "1Gi".' in cluster.kubectl("explain", "ast.spec.redis.storage")
    assert "enum: g, kg" in cluster.kubectl("explain", "ast.spec.export.weight")


def status(namespace: str, name: str, *conditions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "apiVersion": "aftersend.jj-ideenschmiede.de/v1",
        "kind": "AftersendTenant",
        "metadata": {"name": name, "namespace": namespace},
        "status": {"conditions": list(conditions), **more},
    }


def condition(kind: str, verdict: str, reason: str, message: str = "") -> dict[str, Any]:
    return {
        "type": kind,
        "status": verdict,
        "reason": reason,
        "message": message,
        "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }


def apply_status(cluster: Cluster, document: dict[str, Any], manager: str) -> None:
    options = ("--server-side", "--subresource=status", f"--field-manager={manager}", "--filename=-")
    cluster.kubectl("apply", *options, text=json.dumps(document))


def test_columns_show_what_the_operator_found(cluster: Cluster, namespace: str) -> None:
    cluster.apply(tenant(namespace, "columns"))
    ready, degraded = (
        condition(kind, holds, "SecretMissing", "make the secret")
        for kind, holds in (("Ready", "False"), ("Degraded", "True"))
    )
    last = {"time": "2026-01-01T00:00:00Z"}
    apply_status(cluster, status(namespace, "columns", ready, degraded, version="1.2.3", lastExport=last), "a")
    head, row = cluster.kubectl("get", "ast", "columns", f"--namespace={namespace}").splitlines()
    columns = ["NAME", "READY", "REASON", "DEGRADED", "LAST EXPORT", "SUSPENDED", "AGE"]
    assert re.split(r"\s{2,}", head.strip()) == columns
    assert row.split()[:3] == ["columns", "False", "SecretMissing"]
    head, row = cluster.kubectl("get", "ast", "columns", f"--namespace={namespace}", "--output=wide").splitlines()
    assert head.rstrip().endswith("VERSION")
    assert "make the secret" in row
    assert "1.2.3" in row
    assert "columns" in cluster.kubectl("get", "aftersend", f"--namespace={namespace}")


def test_the_status_is_its_own_door(cluster: Cluster, namespace: str) -> None:
    document = tenant(namespace, "door")
    document["status"] = {"version": "made up"}
    cluster.kubectl("create", "--filename=-", text=json.dumps(document))
    apply_status(cluster, status(namespace, "door", observedGeneration=1), "a")
    live = cluster.get("ast", "door", f"--namespace={namespace}")
    assert live["metadata"]["generation"] == 1
    assert live["status"] == {"conditions": [], "observedGeneration": 1}


def test_conditions_of_two_writers_stand_side_by_side(cluster: Cluster, namespace: str) -> None:
    cluster.apply(tenant(namespace, "writers"))
    apply_status(cluster, status(namespace, "writers", condition("Ready", "True", "Running")), "first")
    apply_status(cluster, status(namespace, "writers", condition("Foreign", "True", "Other")), "second")
    apply_status(cluster, status(namespace, "writers", condition("Ready", "False", "Starting")), "first")
    conditions = cluster.get("ast", "writers", f"--namespace={namespace}")["status"]["conditions"]
    assert {each["type"]: each["status"] for each in conditions} == {"Ready": "False", "Foreign": "True"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"conditions": [{"type": "Ready", "status": "Perhaps"}]},
        {"lastExport": {"time": "yesterday"}},
        {"lastExport": {"outcome": "splendid"}},
        {"problems": {"rejected": -1}},
    ],
)
def test_a_status_of_another_shape_is_refused(cluster: Cluster, namespace: str, wrong: dict[str, Any]) -> None:
    cluster.apply(tenant(namespace, "shape"))
    with pytest.raises(CommandError, match=r"[Ii]nvalid"):
        apply_status(cluster, {**status(namespace, "shape"), "status": wrong}, "a")
