"""The rules that the chart's defaults and every tenant's objects keep, each stated in docs/security/rules.md.

Each is tried on the rendered chart and on what the operator makes of a tenant, in both topologies, with a managed and
an external Redis; and on a manifest that breaks it, or the rule would prove nothing.
"""

import copy
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.chart_kit import ROOT, Manifest, render
from tests.support.operator_kit import tenant, wanted
from tests.support.pod_security import violations

PAGE = (ROOT / "docs/security/rules.md").read_text()
EXTERNAL = {"mode": "external", "urlSecretName": "redis"}
WITH_TOKEN = ("aftersend", "aftersend-test")
"""The operator and the release's test call the API server."""
DANGEROUS = {
    *("*", "escalate", "bind", "impersonate", "approve", "sign", "deletecollection"),
    *("pods/exec", "pods/attach", "pods/portforward", "nodes/proxy", "serviceaccounts/token"),
}
SECRET_NAME = re.compile(r"PASSWORD|TOKEN|SECRET(?!S_DIR)|CREDENTIAL|PRIVATE|_KEY$")
LINK_LOCAL = ("169.254.169.254", "fe80::1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a9fe:a9fe")


@dataclass(frozen=True)
class Pod:
    """A pod that a manifest makes."""

    name: str
    namespace: str
    labels: dict[str, str]
    spec: dict[str, Any]


def pods(manifests: list[Manifest]) -> Iterator[Pod]:
    for manifest in manifests:
        inner = manifest["spec"]["jobTemplate"] if manifest["kind"] == "CronJob" else manifest
        template = inner.get("spec", {}).get("template") or (manifest if manifest["kind"] == "Pod" else None)
        if template:
            about, labels = manifest["metadata"], template["metadata"]["labels"]
            yield Pod(about["name"], about["namespace"], labels, template["spec"])


def containers(manifests: list[Manifest]) -> Iterator[dict[str, Any]]:
    for pod in pods(manifests):
        yield from (*pod.spec["containers"], *pod.spec.get("initContainers", ()))


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [manifest for manifest in manifests if manifest["kind"] in kinds]


def roles(manifests: list[Manifest]) -> Iterator[dict[str, Any]]:
    """The rules of all roles but those for people, who edit tenants."""
    for role in of_kind(manifests, "Role", "ClusterRole"):
        if not role["metadata"]["name"].endswith(("-view", "-edit")):
            yield from role["rules"]


def policies_of(manifests: list[Manifest], pod: Pod) -> list[dict[str, Any]]:
    found = [each["spec"] for each in of_kind(manifests, "NetworkPolicy")]
    return [spec for spec in found if spec["podSelector"].get("matchLabels", {}).items() <= pod.labels.items()]


def restricted(manifests: list[Manifest]) -> list[Any]:
    """Every pod passes the restricted Pod Security Standard: no root, no capabilities, nothing of the node."""
    return [wrong for pod in pods(manifests) for wrong in violations(pod.spec)]


def read_only(manifests: list[Manifest]) -> list[Any]:
    """The root file system of every container is read-only."""
    return [c["name"] for c in containers(manifests) if not c["securityContext"].get("readOnlyRootFilesystem")]


def bounded(manifests: list[Manifest]) -> list[Any]:
    """Every container has requests and limits of processor time and memory."""
    both = [(c["name"], set(c["resources"].get(side, ()))) for c in containers(manifests) for side in SIDES]
    return [name for name, amounts in both if amounts != {"cpu", "memory"}]


SIDES = ("requests", "limits")


def no_token(manifests: list[Manifest]) -> list[Any]:
    """No pod gets a token of the API server, but the operator's and the release's test."""
    mounted = [pod.name for pod in pods(manifests) if pod.spec.get("automountServiceAccountToken") is not False]
    accounts = of_kind(manifests, "ServiceAccount")
    automatic = [each["metadata"]["name"] for each in accounts if each.get("automountServiceAccountToken") is not False]
    return [name for name in mounted if name not in WITH_TOKEN] + automatic


def own_account(manifests: list[Manifest]) -> list[Any]:
    """Every pod has a service account of its own, never the namespace's default one."""
    return [pod.name for pod in pods(manifests) if pod.spec.get("serviceAccountName", "default") == "default"]


def no_links(manifests: list[Manifest]) -> list[Any]:
    """No pod of a tenant, nor the operator's, gets the addresses of other services by its environment."""
    others = [pod for pod in pods(manifests) if pod.name != "aftersend-test"]
    return [pod.name for pod in others if pod.spec.get("enableServiceLinks") is not False]


def fixed_images(manifests: list[Manifest]) -> list[Any]:
    """Every image has a digest, or a tag other than latest."""
    images = [c["image"] for c in containers(manifests)]
    return [image for image in images if not re.search(r"(@sha256:[0-9a-f]{64}|:(?!latest$)[\w.-]+)$", image)]


def narrow_roles(manifests: list[Manifest]) -> list[Any]:
    """No role has a wildcard, nor a right to impersonate users, to enter pods, or to give rights away."""
    words = [word for rule in roles(manifests) for part in ("apiGroups", "resources", "verbs") for word in rule[part]]
    return [word for word in words if word in DANGEROUS]


def keys_stay(manifests: list[Manifest]) -> list[Any]:
    """No role may delete Secrets: they hold the keys of all data."""
    return [rule for rule in roles(manifests) if "secrets" in rule["resources"] and "delete" in rule["verbs"]]


def no_secret_values(manifests: list[Manifest]) -> list[Any]:
    """No value of a secret stands in a manifest: no Secret object, no password in an environment."""
    objects = [each["metadata"]["name"] for each in of_kind(manifests, "Secret")]
    given = [entry for c in containers(manifests) for entry in c.get("env", ()) if "value" in entry]
    return objects + [entry["name"] for entry in given if SECRET_NAME.search(entry["name"]) and entry["value"]]


def secret_files(manifests: list[Manifest]) -> list[Any]:
    """Secrets are mounted read-only, for the pod's own group at most."""
    wrong = []
    for pod in pods(manifests):
        volumes = {v["name"]: v.get("projected") or v.get("secret") for v in pod.spec.get("volumes", ())}
        mounts = [mount for c in pod.spec["containers"] for mount in c.get("volumeMounts", ())]
        wrong += [name for name, source in volumes.items() if source and source.get("defaultMode", 0o644) & 0o337]
        wrong += [m["name"] for m in mounts if volumes[m["name"]] and not m.get("readOnly")]
    return wrong


def denied_by_default(manifests: list[Manifest]) -> list[Any]:
    """A NetworkPolicy selects every pod, in both directions: what none allows is denied."""
    kinds = [(pod.name, [set(p["policyTypes"]) for p in policies_of(manifests, pod)]) for pod in lasting(manifests)]
    return [name for name, types in kinds if {"Ingress", "Egress"} not in types]


def lasting(manifests: list[Manifest]) -> list[Pod]:
    """All pods but that of the release's test, which lives for seconds."""
    return [pod for pod in pods(manifests) if pod.name != "aftersend-test"]


def egress(manifests: list[Manifest]) -> Iterator[dict[str, Any]]:
    for policy in of_kind(manifests, "NetworkPolicy"):
        yield from policy["spec"]["egress"]


def known_ways_out(manifests: list[Manifest]) -> list[Any]:
    """Every way out has ports, and a destination but for the API server's."""
    rules = list(egress(manifests))
    return [rule for rule in rules if not rule.get("ports") or ("to" not in rule and not is_for_api(rule))]


def is_for_api(rule: dict[str, Any]) -> bool:
    return {port["port"] for port in rule["ports"]} == {443, 6443, 8443, 16443}


def no_link_local(manifests: list[Manifest]) -> list[Any]:
    """No way out leads to link-local addresses, nor to NAT64: metadata services give away the node's identity."""
    blocks = [peer["ipBlock"] for rule in egress(manifests) for peer in rule.get("to", ()) if "ipBlock" in peer]
    return [(block["cidr"], address) for block in blocks for address in LINK_LOCAL if is_in(address, block)]


def is_in(address: str, block: dict[str, Any]) -> bool:
    host = ipaddress.ip_address(address)
    closed = any(host in ipaddress.ip_network(each) for each in block.get("except", ()))
    return host in ipaddress.ip_network(block["cidr"]) and not closed


def admin_closed(manifests: list[Manifest]) -> list[Any]:
    """Metrics and probes are reached from named namespaces only, and nothing but the webhook from anywhere."""
    ingress = [rule for each in of_kind(manifests, "NetworkPolicy") for rule in each["spec"]["ingress"]]
    open_to_all = [rule for rule in ingress if not rule.get("from") or {"namespaceSelector": {}} in rule["from"]]
    return [rule for rule in open_to_all if [port["port"] for port in rule.get("ports", [{"port": 0}])] != [8080]]


def inside_only(manifests: list[Manifest]) -> list[Any]:
    """No Service opens a port of the nodes or asks for a load balancer."""
    services = of_kind(manifests, "Service")
    return [each["metadata"]["name"] for each in services if each["spec"].get("type", "ClusterIP") != "ClusterIP"]


Rule = Callable[[list[Manifest]], list[Any]]
Break = Callable[[list[Manifest]], object]


def first_pod(manifests: list[Manifest]) -> dict[str, Any]:
    return next(pods(manifests)).spec


def first_container(manifests: list[Manifest]) -> dict[str, Any]:
    return next(containers(manifests))


def policy(manifests: list[Manifest]) -> dict[str, Any]:
    found: dict[str, Any] = of_kind(manifests, "NetworkPolicy")[-1]["spec"]
    return found


def added(kind: str, **fields: Any) -> Break:
    return lambda manifests: manifests.append({"kind": kind, "metadata": {"name": "x", "namespace": "n"}, **fields})


def role(resource: str, verb: str) -> Break:
    return added("Role", rules=[{"apiGroups": [""], "resources": [resource], "verbs": [verb]}])


RULES: list[tuple[Rule, Break]] = [
    (restricted, lambda all_: first_pod(all_).update(hostNetwork=True)),
    (read_only, lambda all_: first_container(all_)["securityContext"].pop("readOnlyRootFilesystem")),
    (bounded, lambda all_: first_container(all_)["resources"]["limits"].pop("memory")),
    (no_token, added("ServiceAccount")),
    (own_account, lambda all_: first_pod(all_).pop("serviceAccountName")),
    (no_links, lambda all_: first_pod(all_).pop("enableServiceLinks")),
    (fixed_images, lambda all_: first_container(all_).update(image="registry.example:5000/aftersend")),
    (narrow_roles, role("pods/exec", "create")),
    (keys_stay, role("secrets", "delete")),
    (no_secret_values, lambda all_: first_container(all_).update(env=[{"name": "REDIS_PASSWORD", "value": "x"}])),
    (secret_files, lambda all_: first_pod(all_)["volumes"].append({"name": "s", "secret": {"secretName": "s"}})),
    (denied_by_default, lambda all_: [all_.remove(each) for each in of_kind(all_, "NetworkPolicy")]),
    (known_ways_out, lambda all_: policy(all_)["egress"].append({"ports": [{"port": 53}]})),
    (no_link_local, lambda all_: policy(all_)["egress"].append({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]})),
    (admin_closed, lambda all_: policy(all_)["ingress"].append({"ports": [{"port": 9090}]})),
    (inside_only, added("Service", spec={"type": "NodePort"})),
]
OBJECTS: dict[str, Callable[[], list[Manifest]]] = {
    "chart": render,
    "split": lambda: list(wanted().values()),
    "compact": lambda: list(wanted(tenant(topology="compact")).values()),
    "split, external Redis": lambda: list(wanted(tenant(redis=EXTERNAL)).values()),
    "compact, external Redis, S3": lambda: list(
        wanted(tenant(topology="compact", redis=EXTERNAL, backup={"target": "s3://bucket"})).values()
    ),
}


@pytest.mark.parametrize("of", OBJECTS)
@pytest.mark.parametrize("rule", [rule for rule, _ in RULES], ids=lambda rule: rule.__name__)
def test_every_rule_is_kept(rule: Rule, of: str) -> None:
    assert rule(OBJECTS[of]()) == []


@pytest.mark.parametrize(("rule", "broken"), RULES, ids=lambda each: getattr(each, "__name__", ""))
def test_every_rule_finds_what_breaks_it(rule: Rule, broken: Break) -> None:
    manifests = copy.deepcopy(list(wanted().values()))
    broken(manifests)
    assert rule(manifests) != []


def test_the_page_states_these_rules_and_no_others() -> None:
    stated = [line.removeprefix("- ") for line in PAGE.splitlines() if line.startswith("- ")]
    assert stated == [rule.__doc__ for rule, _ in RULES]
