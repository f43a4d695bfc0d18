"""The release workflow and the update bot's configuration: valid by their schemas, pinned, about files that exist."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.supply_chain.packages import ROOT

WORKFLOW = ROOT / "docs/dev/workflows/release.yml"
RENOVATE = ROOT / "renovate.json"
PINNED = re.compile(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def workflow() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())
    return found


def steps() -> list[dict[str, Any]]:
    return [step for job in workflow()["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize(("schema", "file"), [("vendor.github-workflows", WORKFLOW), ("vendor.renovate", RENOVATE)])
def test_it_is_valid(schema: str, file: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema]
    done = subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    broken = tmp_path / file.name
    broken.write_text(file.read_text().replace("runs-on", "runs-off").replace('"timezone": ', '"timezone": 7, "x": '))
    assert subprocess.run([*command, str(broken)], capture_output=True, check=False).returncode == 1


def test_actions_are_pinned_by_commit_with_their_version() -> None:
    used = [line for line in WORKFLOW.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not PINNED.search(line)] == []
    commits = {tuple(line.split("uses: ")[1].split("@")) for line in used}
    assert len(commits) == len({name for name, _ in commits}), "one action at two commits"


def test_no_job_may_more_than_it_needs_and_nothing_is_interpolated_into_a_shell() -> None:
    assert workflow()["permissions"] == {}
    for name, job in workflow()["jobs"].items():
        assert job["permissions"]["contents"] == "read", name
        assert set(job["permissions"].values()) <= {"read", "write"}
    assert [step["run"] for step in steps() if "${{" in step.get("run", "")] == []


def test_every_target_of_make_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    calls = re.findall(r"make ([a-z -]+)", "\n".join(step.get("run", "") for step in steps()))
    assert calls
    assert {word for call in calls for word in call.split()} <= targets


def test_everything_that_is_shipped_is_signed_with_provenance() -> None:
    runs = " ".join(step.get("run", "") for step in steps())
    for words in ('cosign sign --yes "$IMAGE@$DIGEST"', "cosign attest --yes --type cyclonedx", "charts/aftersend@$("):
        assert words in runs
    attested = [step["with"] for step in steps() if "attest-build-provenance" in step.get("uses", "")]
    assert any("dist/*.whl" in each.get("subject-path", "") for each in attested)
    assert any(each.get("push-to-registry") for each in attested)
    (built,) = (step["with"] for step in steps() if "build-push-action" in step.get("uses", ""))
    assert built["platforms"] == "linux/amd64,linux/arm64"


def test_the_update_bot_looks_at_files_that_exist() -> None:
    config = json.loads(RENOVATE.read_text())
    files = [str(path.relative_to(ROOT)) for path in ROOT.rglob("*") if ".venv" not in path.parts and path.is_file()]
    for manager in ("pip_requirements", "github-actions", "gomod"):
        for pattern in config[manager]["managerFilePatterns"]:
            assert any(re.search(pattern.strip("/"), file) for file in files), pattern
    for part in config["packageRules"]:
        assert set(part["matchManagers"]) <= set(config["enabledManagers"])
