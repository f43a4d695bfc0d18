"""Commands against a ``kubectl`` that answers from a script: what is shown where it refuses a part of the question."""

import json
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aftersend.errors import AftersendError
from aftersend_kubectl import actions, looks
from aftersend_kubectl.bundle import write_bundle
from aftersend_kubectl.jobs import backup_command
from aftersend_kubectl.kubectl import Kubectl
from aftersend_kubectl.tenants import TenantView

TENANT = {"metadata": {"name": "mueller", "namespace": "shops"}, "spec": {"topology": "compact"}, "status": {}}
LINE = '{"timestamp": "2026-11-30T10:00:01Z", "event": "run_counted", "part": "exporter"}'
NOT_STARTED = 'container "writer" in pod "writer-1" is waiting to start: trying and failing to pull image'


AUDITED = '{"action": "backup.restore", "event": "audited", "level": "info", "timestamp": "2026-11-30T10:27:05Z"}'


def pod(name: str, container: str, *, port: str, restarts: int) -> dict[str, Any]:
    spec = {"containers": [{"name": container, "ports": [{"name": port}]}]}
    status = {"containerStatuses": [{"name": container, "restartCount": restarts}]}
    return {"kind": "Pod", "metadata": {"name": name}, "spec": spec, "status": status}


PODS = [
    pod("exporter-1", "exporter", port="admin", restarts=0),
    pod("writer-1", "writer", port="admin", restarts=2),
    pod("redis-0", "redis", port="redis", restarts=0),
]
JOB = {"spec": {"template": {"spec": {"containers": [{}]}}}, "status": {"conditions": [{"type": "Complete"}]}}


def scripted(folder: Path, *answers: tuple[str, int, str, str]) -> Path:
    """Make a ``kubectl`` of a line for each answer: words that the command holds, exit code, output, error."""
    script = ["#!/bin/sh", 'case "$*" in']
    for words, code, out, error in answers:
        script.append(f"*'{words}'*) cat <<'OUT'\n{out}\nOUT\ncat >&2 <<'ERR'\n{error}\nERR\nexit {code};;")
    program = folder / "kubectl"
    program.write_text("\n".join([*script, "esac", "echo '{\"items\": []}'"]))
    program.chmod(0o755)
    return program


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    program = scripted(
        tmp_path,
        ("logs pod/writer-1", 1, "", f"Error from server (BadRequest): {NOT_STARTED}"),
        ("logs pod/", 0, LINE, ""),
        ("logs job/", 0, f"{AUDITED}\n278 orders restored", ""),
        ("create job", 0, json.dumps(JOB), ""),
        ("get job/", 0, json.dumps(JOB), ""),
        ("get pods", 0, json.dumps({"items": PODS}), ""),
        ("get aftersendtenants", 0, json.dumps(TENANT), ""),
        ("exec", 1, "", "aftersend: no backup there – make one\ncommand terminated with exit code 1"),
    )
    monkeypatch.setenv("KUBECTL", str(program))
    return Kubectl()


def test_a_pod_without_logs_hides_no_others(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    assert looks.logs(kubectl, "mueller", None, "1h", output="table") == 0
    shown = capsys.readouterr()
    assert "run_counted" in shown.out
    assert f"writer-1: {NOT_STARTED}" in shown.err


def test_logs_that_may_not_be_read_are_no_empty_story(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = 'Error from server (Forbidden): pods "x" is forbidden: cannot get resource "pods/log"'
    program = scripted(
        tmp_path,
        ("logs", 1, "", refusal),
        ("get pods", 0, json.dumps({"items": PODS}), ""),
        ("get aftersendtenants", 0, json.dumps(TENANT), ""),
    )
    monkeypatch.setenv("KUBECTL", str(program))
    with pytest.raises(AftersendError, match="your role lacks this right"):
        looks.logs(Kubectl(), "mueller", "17", "1h", output="table")


def test_a_failed_job_that_only_logged_shows_its_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = {**JOB, "status": {"conditions": [{"type": "Failed"}]}}
    program = scripted(
        tmp_path,
        ("logs job/", 0, AUDITED, ""),
        ("create job", 0, json.dumps(JOB), ""),
        ("get", 0, json.dumps(failed), ""),
    )
    monkeypatch.setenv("KUBECTL", str(program))
    split = msgspec.convert({**TENANT, "spec": {"topology": "split"}}, TenantView)
    with pytest.raises(AftersendError, match=r"the job failed: .*backup\.restore"):
        backup_command(Kubectl(), split, "restore", "latest")


def test_what_a_command_in_a_pod_says_is_the_reason(kubectl: Kubectl) -> None:
    with pytest.raises(AftersendError, match=r"^kubernetes: no backup there – make one$"):
        actions.backup(kubectl, "mueller", "list")


def test_a_job_answers_without_its_log(kubectl: Kubectl) -> None:
    split = msgspec.convert({**TENANT, "spec": {"topology": "split"}}, TenantView)
    assert backup_command(kubectl, split, "restore", "latest") == "278 orders restored"


def test_a_bundle_misses_only_what_could_be_there(kubectl: Kubectl, tmp_path: Path) -> None:
    missing = write_bundle(kubectl, msgspec.convert(TENANT, TenantView), tmp_path / "bundle.tar.gz")
    assert sorted(line.partition(":")[0] for line in missing if not line.startswith("objects/")) == [
        "logs/writer-1.writer.log",
        "logs/writer-1.writer.previous.log",
    ]
    with tarfile.open(tmp_path / "bundle.tar.gz") as archive:
        names = set(archive.getnames())
    assert {"logs/exporter-1.exporter.log", "logs/redis-0.redis.log", "metrics/exporter-1.txt"} <= names
    assert not names & {"logs/exporter-1.exporter.previous.log", "metrics/redis-0.txt"}
