"""The judge of pods: each rule of the restricted standard condemns what breaks it, and nothing else."""

from typing import Any

import pytest

from tests.support.pod_security import violations

GOOD = {
    "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
    "containers": [
        {"name": "a", "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}
    ],
    "volumes": [{"name": "tmp", "emptyDir": {}}],
}


def container(**changes: Any) -> dict[str, Any]:
    (good,) = GOOD["containers"]  # type: ignore[misc]
    return {"containers": [{**good, "securityContext": {**good["securityContext"], **changes}}]}  # type: ignore[index]


def test_a_good_pod() -> None:
    assert violations(GOOD) == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"hostNetwork": True}, "hostNetwork"),
        ({"hostPID": True}, "hostPID"),
        ({"volumes": [{"name": "x", "hostPath": {"path": "/"}}]}, "volume x"),
        ({"securityContext": {"seccompProfile": {"type": "RuntimeDefault"}}}, "a: runAsNonRoot"),
        ({"securityContext": {"runAsNonRoot": True}}, "a: seccompProfile"),
        ({"securityContext": {**GOOD["securityContext"], "runAsUser": 0}}, "a: runAsUser"),  # type: ignore[dict-item]
        ({"securityContext": {**GOOD["securityContext"], "sysctls": [{"name": "n"}]}}, "sysctls"),  # type: ignore[dict-item]
        (container(privileged=True), "a: privileged"),
        (container(allowPrivilegeEscalation=True), "a: allowPrivilegeEscalation"),
        (container(capabilities={}), "a: capabilities"),
        (container(capabilities={"drop": ["ALL"], "add": ["SYS_ADMIN"]}), "a: capabilities"),
        (container(runAsNonRoot=False), "a: runAsNonRoot"),
        (container(procMount="Unmasked"), "a: procMount"),
        ({"containers": [{**container()["containers"][0], "ports": [{"hostPort": 80}]}]}, "a: hostPort"),
        ({"initContainers": [{"name": "i"}]}, "i: capabilities"),
    ],
)
def test_a_bad_pod(change: dict[str, Any], said: str) -> None:
    assert said in violations({**GOOD, **change})
