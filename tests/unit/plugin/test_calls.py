"""Commands against a ``kubectl`` that answers from a script: what is shown where it refuses a part of the question."""

import json
from pathlib import Path
from typing import Any

import pytest

from aftersend.errors import AftersendError
from aftersend_kubectl import actions, looks
from aftersend_kubectl.kubectl import Kubectl

TENANT = {"metadata": {"name": "mueller", "namespace": "shops"}, "spec": {"topology": "compact"}, "status": {}}
LINE = '{"timestamp": "2026-11-30T10:00:01Z", "event": "run_counted", "part": "exporter"}'
NOT_STARTED = 'container "writer" in pod "writer-1" is waiting to start: trying and failing to pull image'


def pods(*names: str) -> dict[str, Any]:
    return {"items": [{"metadata": {"name": name}} for name in names]}


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kubectl:
    """Answers a line of ``answers``: words that the command holds, exit code, output, error."""
    answers = (
        ("logs pod/writer-1", 1, "", f"Error from server (BadRequest): {NOT_STARTED}"),
        ("logs pod/", 0, LINE, ""),
        ("get pods", 0, json.dumps(pods("exporter-1", "writer-1")), ""),
        ("get aftersendtenants", 0, json.dumps(TENANT), ""),
        ("exec", 1, "", "aftersend: no backup there – make one\ncommand terminated with exit code 1"),
    )
    script = ["#!/bin/sh", 'case "$*" in']
    for words, code, out, error in answers:
        script.append(f"*'{words}'*) cat <<'OUT'\n{out}\nOUT\ncat >&2 <<'ERR'\n{error}\nERR\nexit {code};;")
    program = tmp_path / "kubectl"
    program.write_text("\n".join([*script, "esac", "exit 9"]))
    program.chmod(0o755)
    monkeypatch.setenv("KUBECTL", str(program))
    return Kubectl()


def test_a_pod_without_logs_hides_no_others(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    assert looks.logs(kubectl, "mueller", None, "1h", output="table") == 0
    shown = capsys.readouterr()
    assert "run_counted" in shown.out
    assert f"writer-1: {NOT_STARTED}" in shown.err


def test_what_a_command_in_a_pod_says_is_the_reason(kubectl: Kubectl) -> None:
    with pytest.raises(AftersendError, match=r"^kubernetes: no backup there – make one$"):
        actions.backup(kubectl, "mueller", "list")
