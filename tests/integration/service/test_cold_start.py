"""A cold start on a starved node: what it costs in processor time, and what the startup probes grant.

Processor time, not time by the clock: it is the same however busy this machine is. A process that gets a share of a
core needs its processor time, divided by that share.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.support.operator_kit import tenant, wanted
from tests.support.part_kit import environment

SHARE: Final = 0.04
"""Of one core, for all processes that start together."""
MARGIN: Final = 2
"""How much slower than this machine a node may be."""
CHART = Path(__file__).parents[3] / "charts/aftersend/templates/deployment.yaml"
SECRETS = ("afterbuy/partnerToken", "afterbuy/accountToken", "sendcloud/publicKey", "sendcloud/secretKey")
TOGETHER: Final[dict[str, list[tuple[str, ...]]]] = {
    "split": [("aftersend-exporter",), ("aftersend-webhook",), ("aftersend-writer",)],
    "compact": [("aftersend", "up", "-f", "tenant.yaml", "--data-dir", "data")],
}
SERVING: Final = {"split": b'"started"', "compact": b"metrics and probes"}


def processor_seconds(words: Sequence[str], environ: dict[str, str], folder: Path, *, until: bytes) -> float:
    """What a process has used when it prints this."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    script = [str(Path(sys.executable).parent / words[0]), *words[1:]]
    with subprocess.Popen(script, env=environ, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout
        assert any(until in line for line in process.stdout)
        process.kill()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def patience(probe: dict[str, Any]) -> float:
    """How long a startup probe waits before the container is started anew."""
    return float(probe["periodSeconds"] * probe["failureThreshold"])


@pytest.mark.parametrize("topology", TOGETHER)
def test_the_startup_probe_waits_for_a_starved_start(topology: str, tmp_path: Path) -> None:
    environ = environment(tmp_path)
    for key in SECRETS:
        path = tmp_path / "secrets" / key
        path.parent.mkdir(exist_ok=True)
        path.write_text("a-key-of-some-length")
    until = SERVING[topology]
    used = sum(processor_seconds(words, environ, tmp_path, until=until) for words in TOGETHER[topology])
    pods = [it for key, it in wanted(tenant(topology=topology)).items() if key.startswith("Deployment/")]
    for pod in pods:
        (container,) = pod["spec"]["template"]["spec"]["containers"]
        assert used / SHARE * MARGIN < patience(container["startupProbe"])


def test_the_operators_startup_probe_waits_for_a_starved_start(tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "KUBECONFIG": str(tmp_path / "none"),
        "AFTERSEND_OPERATOR_LISTEN": "127.0.0.1:0",
        "AFTERSEND_SERVICE_IMAGE": "a",
        "AFTERSEND_REDIS_IMAGE": "b",
        "AFTERSEND_LOG_FORMAT": "json",
    }
    used = processor_seconds(["aftersend-operator"], environ, tmp_path, until=b"cannot start")  # all else is imported
    text = CHART.read_text().partition("startupProbe:\n")[2].partition("livenessProbe:")[0]
    probe = yaml.safe_load(text)
    assert used / SHARE * MARGIN < patience(probe)
    assert probe["timeoutSeconds"] == 5
