"""The examples render, parse and say the same; ``tests/cluster`` applies them to a real API server."""

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pyrage
import pytest
import yaml

from aftersend.tenant.loading import parse_tenant
from tests.support.chart_kit import ROOT, environment, helm, of_kind, render

EXAMPLES = ROOT / "examples"
FILES = sorted(EXAMPLES.rglob("*.yaml"))
TENANT = "AftersendTenant"


def name(path: Path) -> str:
    return str(path.relative_to(EXAMPLES))


def documents(path: Path) -> list[dict[str, Any]]:
    return [each for each in yaml.safe_load_all(path.read_text()) if each]


def built(folder: str) -> list[dict[str, Any]]:
    """What ``kubectl apply -k`` would apply."""
    kubectl = Path(helm()).parent / "kubectl"
    command = [str(kubectl if kubectl.exists() else "kubectl"), "kustomize", str(EXAMPLES / folder)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("file", [each for each in FILES if "kustomize/base" not in str(each)], ids=name)
def test_each_tenant_document_is_what_the_operator_reads(file: Path) -> None:
    for each in documents(file):
        if each.get("kind") == TENANT and not file.name.endswith("-patch.yaml"):
            assert parse_tenant(msgspec.json.encode(each)).metadata.namespace == "tenant-mueller"


@pytest.mark.parametrize(("merchant", "topology"), [("mueller", "compact"), ("schmidt", "split")])
def test_a_merchants_folder_adds_to_the_base(merchant: str, topology: str) -> None:
    (found,) = of_kind(built(f"kustomize/merchants/{merchant}"), TENANT)
    tenant = parse_tenant(msgspec.json.encode(found))
    assert (tenant.metadata.name, tenant.metadata.namespace) == (merchant, f"tenant-{merchant}")
    assert (tenant.spec.webhook.host, tenant.spec.topology) == (f"{merchant}.hooks.example.com", topology)
    assert tenant.spec.backup.target == "s3://backups.example.com/aftersend"


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("plain/operator-values.yaml", ()),
        ("argocd/operator.yaml", ("spec", "source", "helm", "valuesObject")),
        ("flux/operator.yaml", ("spec", "values")),
    ],
)
def test_the_chart_takes_the_values(file: str, path: tuple[str, ...]) -> None:
    values = documents(EXAMPLES / file)[-1]
    for key in path:
        values = values[key]
    manifests = render(values, knows="monitoring.coreos.com/v1/PodMonitor")
    assert environment(manifests)["AFTERSEND_SERVICE_IMAGE"].startswith("registry.example.com/team/aftersend:")
    assert of_kind(manifests, "PodMonitor")


@pytest.mark.parametrize("file", ["secrets/external-secrets/mueller.yaml", "secrets/sealed-secrets/mueller.yaml"])
def test_secrets_have_the_names_and_keys_that_the_tenant_expects(file: str) -> None:
    keys = {}
    for each in documents(EXAMPLES / file):
        spec = each["spec"]
        entries = [entry["secretKey"] for entry in spec.get("data", ())] or list(spec.get("encryptedData", ()))
        keys[spec.get("target", each["metadata"])["name"]] = set(entries)
    assert keys == {
        "mueller-afterbuy": {"partnerToken", "accountToken"},
        "mueller-sendcloud": {"publicKey", "secretKey", "webhookSignatureKey"},
    }


def test_the_rule_of_sops_names_real_public_keys() -> None:
    (rule,) = documents(EXAMPLES / "secrets/sops/.sops.yaml")[0]["creation_rules"]
    for key in rule["age"].split(","):
        assert pyrage.x25519.Recipient.from_str(key.strip())
