"""The commands of the runbooks against a real API server: it knows every object, label and field that they name.

There is no node, so there are no pods: nothing can be entered and nothing has a log. Of these commands the object is
looked for that makes the pods; what they run inside, another test runs with the rights of the pod.
"""

import pytest

from tests.support.chart_kit import CHART
from tests.support.cluster.operator_scene import OperatorScene
from tests.support.runbook_kit import commands

pytestmark = pytest.mark.timeout(900)
ONLY_POD = "deploy/aftersend-mueller-all"
"""Of the compact topology; all other pages speak of the split one."""
MAKERS = "deployments,statefulsets,cronjobs,ingresses,networkpolicies"


@pytest.mark.parametrize("topology", ["split", "compact"])
def test_every_command_finds_what_it_names(scene: OperatorScene, topology: str) -> None:
    scene.operator().start()
    scene.bring_up(topology=topology, webhook={"host": "hooks.example.com", "tlsSecretName": "hooks-tls"})
    _apply_the_operators_deployment(scene)
    called = [words[1:] for words in commands(scene.namespace, scene.namespace) if words[0] == "kubectl"]
    asked = [words for words in called if _belongs(words, topology)]
    assert asked
    for words in asked:
        scene.cluster.kubectl(*_as_far_as_possible(words))
        if "-l" in words:
            assert _made_by(scene, words[words.index("-l") + 1]), words


def _belongs(words: list[str], topology: str) -> bool:
    """Whether the command is meant for the topology; those that name a Service are meant for both."""
    if any(word.startswith("svc/") for word in words):
        return True
    return (ONLY_POD in words) == (topology == "compact")


def _as_far_as_possible(words: list[str]) -> list[str]:
    """The command itself, or a look at what makes the pod that it needs."""
    if "exec" in words or "logs" in words:
        named = [word for word in words if word.startswith(("deploy/", "svc/"))]
        return [*words[:2], "get", *named] if named else _the_pods_maker(words)
    return _the_pods_maker(words) if words[2:4] == ["describe", "pod"] else words


def _the_pods_maker(words: list[str]) -> list[str]:
    named = [word.removesuffix("-0") for word in words if word.endswith("-0")]
    return [*words[:2], "get", *([f"statefulset/{named[0]}"] if named else [MAKERS, *words[3:5]])]


def _made_by(scene: OperatorScene, labels: str) -> str:
    """What carries the labels: the pods that it makes do, too."""
    return scene.cluster.kubectl("-n", scene.namespace, "get", MAKERS, "-l", labels, "-o", "name")


def _apply_the_operators_deployment(scene: OperatorScene) -> None:
    chart = scene.cluster.helm(
        *(
            "template",
            "aftersend",
            str(CHART),
            "--namespace",
            scene.namespace,
            "--show-only",
            "templates/deployment.yaml",
        )
    )
    scene.cluster.kubectl("apply", "-f", "-", text=chart)
