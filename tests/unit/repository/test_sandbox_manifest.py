"""The manifest of the sandbox: restricted pods, the sandbox's own keys, and addresses that lead to each other."""

import re
from pathlib import Path
from typing import Any

import yaml

from aftersend import __version__
from aftersend.tenant.loading import tenant_of
from aftersend.tenant.upstream_urls import refused_urls
from aftersend_operator.settings import read_operator_settings
from aftersend_sandbox.main import _parser
from aftersend_sandbox.world.world import SandboxCredentials, World
from tests.support.operator_kit import wanted
from tests.support.pod_security import violations

ROOT = Path(__file__).resolve().parents[3]
FILE = ROOT / "charts/examples/sandbox.yaml"
DOCUMENTS: list[dict[str, Any]] = list(yaml.safe_load_all(FILE.read_text()))
BY_NAME = {f"{it['kind']}/{it['metadata']['name']}": it for it in DOCUMENTS}
POD = BY_NAME["Deployment/sandbox"]["spec"]["template"]
(CONTAINER,) = POD["spec"]["containers"]
TENANT = tenant_of(BY_NAME["AftersendTenant/demo"])
GUIDE = (ROOT / "docs/guides/platform.md").read_text()


def test_all_of_it_lies_in_one_namespace_whose_pods_are_restricted() -> None:
    namespace, *others = DOCUMENTS
    assert namespace["metadata"]["labels"] == {"pod-security.kubernetes.io/enforce": "restricted"}
    assert {it["metadata"]["namespace"] for it in others} == {namespace["metadata"]["name"]}
    assert violations(POD["spec"]) == []
    assert CONTAINER["image"] == f"aftersend:{__version__}"
    assert {*CONTAINER["resources"]["limits"]} == {*CONTAINER["resources"]["requests"]} == {"cpu", "memory"}


def test_the_secrets_hold_the_keys_that_the_sandbox_knows() -> None:
    known, spec = SandboxCredentials(), TENANT.spec
    assert BY_NAME[f"Secret/{spec.afterbuy.credentials.secret_name}"]["stringData"] == {
        "partnerToken": known.partner_token,
        "accountToken": known.account_token,
    }
    assert BY_NAME[f"Secret/{spec.sendcloud.credentials.secret_name}"]["stringData"] == {
        "publicKey": known.public_key,
        "secretKey": known.secret_key,
        "webhookSignatureKey": known.signature_key,
    }
    names = [it.shop_name for it in World().sendcloud.integrations.values()]
    assert names.count(str(spec.sendcloud.integration)) == 1


def test_tenant_and_sandbox_name_each_other() -> None:
    service, webhook = BY_NAME["Service/sandbox"], wanted(TENANT)["Service/webhook"]
    assert service["spec"]["selector"].items() <= POD["metadata"]["labels"].items()
    options = _parser().parse_args(CONTAINER["command"][2:])
    (port,) = service["spec"]["ports"]
    assert options.listen == ("0.0.0.0", port["port"])
    assert CONTAINER["ports"] == [{"name": port["targetPort"], "containerPort": port["port"]}]
    here = f"http://{service['metadata']['name']}.{TENANT.metadata.namespace}.svc:{port['port']}"
    assert (TENANT.spec.afterbuy.url, TENANT.spec.sendcloud.url) == (f"{here}/afterbuy/ABInterface.aspx", f"{here}/api")
    there = f"http://{webhook['metadata']['name']}.{webhook['metadata']['namespace']}.svc"
    assert options.webhook_url == there + TENANT.spec.webhook.path
    assert webhook["spec"]["ports"][0]["port"] == 80


def test_the_values_of_the_guide_allow_its_address() -> None:
    hosts = re.findall(r"tenants\.upstreamHosts=\{([\w.,-]+)\}", GUIDE)
    settings = read_operator_settings(
        {
            "AFTERSEND_SERVICE_IMAGE": "a",
            "AFTERSEND_REDIS_IMAGE": "b",
            "AFTERSEND_UPSTREAM_HOSTS": hosts[0],
            "AFTERSEND_ALLOW_HTTP": "1",
        }
    )
    assert all(hosts[0] in each.split(",") for each in hosts)
    assert "tenants.allowHttp=true" in GUIDE
    assert refused_urls(TENANT, allow_http=settings.allow_http, hosts=settings.upstream_hosts) == []


def test_the_guide_names_what_stands_in_it() -> None:
    (walk,) = re.findall(r"## Try it with a sandbox\n(.*?)\n## ", GUIDE, re.DOTALL)
    assert str(FILE.relative_to(ROOT)) in walk
    for name in re.findall(r"(?:deploy|svc|ast)/[\w-]+", walk):
        kind, _, what = name.partition("/")
        kinds = {"deploy": "Deployment", "svc": "Service", "ast": "AftersendTenant"}
        own = [f"Service/{it['metadata']['name']}" for it in wanted(TENANT).values() if it["kind"] == "Service"]
        assert f"{kinds[kind]}/{what}" in [*BY_NAME, *own], name


def test_under_another_name_it_is_another_tenant_with_a_sandbox_of_its_own() -> None:
    (old, new) = re.findall(r"; s/\\b(\w+)\\b/(\w+)/g'", GUIDE)[0]
    text = re.sub(rf"\b{old}\b", new, FILE.read_text())
    assert not re.search(rf"\b{old}\b", text)
    namespace, *others = yaml.safe_load_all(text)
    assert {it["metadata"]["namespace"] for it in others} == {namespace["metadata"]["name"]} == {new}
    tenant = tenant_of(others[-1])
    assert f"sandbox.{new}.svc" in GUIDE
    assert refused_urls(tenant, allow_http=True, hosts=frozenset({f"sandbox.{new}.svc"})) == []
    assert wanted(tenant)["Service/webhook"]["metadata"]["name"] in text
