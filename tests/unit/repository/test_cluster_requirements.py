"""Where no cluster can be had: CI fails, elsewhere its tests are skipped, and both say what is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.test_cluster import requirements

ROOT = Path(__file__).resolve().parents[3]


def built(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The session ``cluster-build`` on a machine without Go that has built nothing yet."""
    command = [sys.executable, "-m", "tools.test_cluster.build", "api"]
    given = {"PATH": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), **environment}
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("environment", "code"), [({"CI": "true"}, 1), ({}, 0)])
def test_only_in_ci_it_is_a_fault_that_no_cluster_can_be_built(
    tmp_path: Path, environment: dict[str, str], code: int
) -> None:
    done = built(tmp_path, **environment)
    assert done.returncode == code
    assert "skipped: the test cluster" in done.stderr
    assert "or set KUBECONFIG to use another cluster" in done.stderr


def test_for_another_cluster_nothing_is_built(tmp_path: Path) -> None:
    done = built(tmp_path, KUBECONFIG="there", CI="true")
    assert done.returncode == 0
    assert "nothing is built" in done.stderr


def test_without_root_go_or_namespaces_the_cure_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(requirements.MissingError, match="install Go"):
        requirements.require("api", built=False)
    requirements.require("api", built=True)
    (tmp_path / "unshare").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "unshare").chmod(0o755)
    with pytest.raises(requirements.MissingError, match="no namespaces can be made here"):
        requirements.require("api", built=True)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(requirements.MissingError, match="run as root"):
        requirements.require("api", built=True)
