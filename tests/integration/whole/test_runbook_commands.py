"""The commands of the runbooks: each command is run in the pod that is named, with that pod's rights."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from aftersend.redis.keys import Keys
from aftersend_operator.model.naming import Manifest
from tests.support.runbook_kit import TENANT, commands, inside
from tests.support.tenant_pods import RunningPods, running_pods, until

OWN = f"aftersend-{TENANT}-"


@pytest.fixture(params=["split", "compact"])
def tenant_pods(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RunningPods]:
    with running_pods(tmp_path, request.param) as tenant_pods:
        yield tenant_pods


def targets() -> list[tuple[str, list[str]]]:
    """Target and command; those that are written without ``kubectl`` belong to the exporter's pod."""
    return [inside(words) or (f"svc/{OWN}exporter", words) for words in commands() if _is_ours(words)]


def pod_of(target: str, manifests: Mapping[str, Manifest]) -> str:
    """The Deployment that makes the pod: the target itself, or the one whose pods the Service selects."""
    kind, _, name = target.partition("/")
    if kind == "deploy":
        return f"Deployment/{name.removeprefix(OWN)}"
    selector = manifests[f"Service/{name.removeprefix(OWN)}"]["spec"]["selector"]
    (found,) = (
        key
        for key, manifest in manifests.items()
        if key.startswith("Deployment/") and selector == manifest["spec"]["selector"]["matchLabels"]
    )
    return found


def _is_ours(words: list[str]) -> bool:
    return words[0] == "aftersend" or "exec" in words


@pytest.mark.timeout(600)
def test_every_command_does_what_the_page_says(tenant_pods: RunningPods) -> None:
    until(lambda: tenant_pods.control("state")["orders"] > 0, "the sandbox has orders")
    until(tenant_pods.is_ready, "all services are ready")
    found = [(pod_of(target, tenant_pods.manifests), words) for target, words in targets()]
    mine = [(pod, words) for pod, words in found if pod in tenant_pods.pods]
    assert mine
    for pod, words in mine:
        letter = _dead_letter(tenant_pods, pod)
        done = tenant_pods.execute(pod, *[letter if word == "ID" else word for word in words])
        assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}{done.stderr}"
        assert done.stdout.strip(), words
    assert tenant_pods.redis.refused() == set()


def test_no_command_is_left_out() -> None:
    assert {target for target, _ in targets()} <= {f"svc/{OWN}exporter", f"deploy/{OWN}all"}


def _dead_letter(tenant_pods: RunningPods, pod: str) -> str:
    """The id of the oldest dead letter: an event of an unknown type is given up at once."""
    keys = Keys(tenant_pods.tenant.identity)
    letters = json.loads(tenant_pods.execute(pod, "aftersend", "dead", "list", "--json").stdout)
    if not letters:
        with tenant_pods.redis.inspector() as client:
            client.xadd(keys.key("parcels"), {"v": "1", "id": "0197-test", "type": "parcel.unknown"})
        until(lambda: bool(_letters(tenant_pods, pod)), "a dead letter")
        letters = _letters(tenant_pods, pod)
    return str(letters[0]["id"])


def _letters(tenant_pods: RunningPods, pod: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(tenant_pods.execute(pod, "aftersend", "dead", "list", "--json").stdout)
    return found
