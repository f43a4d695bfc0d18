"""CONTRIBUTING's recipes name files that exist, its commands exist, and a release has one version."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from aftersend import __version__

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
RECIPES = {part.partition("\n")[0]: part for part in TEXT.split("\n## Add ")[1:]}


def test_there_is_a_recipe_for_each_usual_change() -> None:
    assert RECIPES.keys() == {"a merchant's rule", "a metric", "a tenant field", "an alert", "a CLI command"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_file_of_a_recipe_exists(recipe: str) -> None:
    rows = re.findall(r"^\| `([^`]+)` \|(.*)\|$", RECIPES[recipe], re.MULTILINE)
    assert len(rows) > 5
    for file, text in rows:
        assert list(ROOT.glob(re.sub(r"<\w+>", "*", file))), file
        beside = re.findall(r"`([\w/]+\.(?:py|md|txt|yaml))`", text)
        for other in beside:
            assert (ROOT / other).exists() or (ROOT / file).with_name(other).exists(), f"{other}, beside {file}"


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "docs/dev/testing.md", "docs/dev/releasing.md"])
def test_every_make_target_and_every_path_in_a_command_exists(page: str) -> None:
    text = (ROOT / page).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z]+(?:-[a-z]+)*)", text)) - {"CI"} <= targets
    assert all((ROOT / path).exists() for path in re.findall(r"\btests/[\w/.]+\w", text))


def test_a_release_has_one_version() -> None:
    chart = yaml.safe_load((ROOT / "charts/aftersend/Chart.yaml").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {project["version"], chart["version"], chart["appVersion"]} == {__version__}
    sections = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert sections[0] == "Unreleased"
    assert __version__ in sections


def test_hooks_before_a_commit_are_the_projects_own_checks() -> None:
    (source,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert source["repo"] == "local"
    assert {hook["language"] for hook in source["hooks"]} == {"system"}
    assert {hook["entry"].split()[0] for hook in source["hooks"]} <= {
        f".venv/bin/{tool}" for tool in ("ruff", "mypy", "lint-imports", "python")
    }
