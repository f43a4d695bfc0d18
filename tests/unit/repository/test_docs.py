"""Docs that cannot rot: their links lead somewhere, their examples are read, their tables name what exists."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from typer.main import get_command

from aftersend.cli.main import app
from aftersend.ledger.index import NOTICE_CODES, PROBLEM_CODES
from aftersend.settings import Settings
from aftersend.tenant.loading import parse_tenant
from aftersend.tenant.pods import Pods
from aftersend_exporter.rules.eligibility import CURABLE
from aftersend_exporter.rules.transitions import GONE, LATER
from aftersend_operator.manifests.resources import resources
from aftersend_operator.model.reasons import ConditionReason

ROOT = Path(__file__).resolve().parents[3]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), ROOT / "charts/aftersend/README.md"]
SETTINGS = (ROOT / "docs/guides/settings.md").read_text()
SHOP = (ROOT / "docs/guides/run-for-your-shop.md").read_text()
PLATFORM = (ROOT / "docs/guides/platform.md").read_text()
LEVELS = (ROOT / "docs/guides/capability-levels.md").read_text()
SIZING = (ROOT / "docs/guides/sizing.md").read_text()
README = (ROOT / "README.md").read_text()


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path) if path else page
        assert aim.exists(), f"{name(page)} links to {target}"
        assert not anchor or anchor in anchors(aim), f"{name(page)} links to {target}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_path_in_backticks_exists(page: Path) -> None:
    folders = {path.name for path in ROOT.iterdir() if path.is_dir()}
    for path in re.findall(r"`([\w-]+/[\w./*-]+)`", page.read_text()):
        assert path.partition("/")[0] not in folders or list(ROOT.glob(path)), f"{name(page)} names {path}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_tenant_document_in_the_docs_is_valid(page: Path) -> None:
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL):
        if "kind: AftersendTenant" in block:
            assert parse_tenant(block.encode()).spec.export.schedule


def test_generated_parts_are_fresh() -> None:
    assert subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, check=False).returncode == 0


def test_the_page_of_settings_names_them_all_and_no_others() -> None:
    there = set(re.findall(r"^\| `(AFTERSEND_\w+)`", SETTINGS, re.MULTILINE))
    assert there == {f"AFTERSEND_{field.name.upper()}" for field in fields(Settings)}


def test_every_fault_names_a_test_that_exists() -> None:
    rows = re.findall(r"^\| (?!fault|-)(.*) \|$", (ROOT / "docs/guides/faults.md").read_text(), re.MULTILINE)
    assert len(rows) > 20
    for row in rows:
        named = re.search(r"`([\w/]+\.py)::(test_\w+)`$", row)
        assert named, row
        source = (ROOT / "tests" / named[1]).read_text()
        assert re.search(rf"^(async )?def {named[2]}\(", source, re.MULTILINE), row


@pytest.mark.parametrize("page", ["security/threat-model.md", "recht/massnahmen.md", "recht/loeschkonzept.md"])
def test_every_row_names_the_tests_that_prove_it(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    tables = re.split(r"\n\|.* (?:test|Nachweis) \|\n", text)[1:]
    rows = [row for table in tables for row in re.split(r"\n\n|\n<!--", table)[0].splitlines()[1:]]
    assert len(rows) > 10
    for row in rows:
        assert re.search(r"`[\w/]+\.py::test_\w+` \|$", row), row
        for file, test in re.findall(r"`([\w/]+\.py)::(\w+)`", row):
            assert re.search(rf"^(async )?def {test}\(", (ROOT / "tests" / file).read_text(), re.MULTILINE), row


def test_every_problem_notice_and_reason_to_hold_an_order_has_its_cure_in_the_guide() -> None:
    held, problems, notices = (
        table.split("\n\n")[0]
        for table in re.split(r"^\| (?:reason|problem|notice) .*\n", SHOP, flags=re.MULTILINE)[1:]
    )
    named = re.compile(r"^\| `(\w+)` \|", re.MULTILINE)
    assert set(named.findall(problems)) == set(PROBLEM_CODES)
    assert set(named.findall(notices)) == set(NOTICE_CODES)
    assert set(named.findall(held)) == {*CURABLE, LATER, GONE}


def test_every_reason_has_its_row_in_the_guide() -> None:
    rows = re.findall(r"^\| `([A-Z]\w+)` \| (?:Ready|Progressing|Degraded|Suspended)", PLATFORM, re.MULTILINE)
    assert rows == [reason.value for reason in ConditionReason]


def test_every_claim_names_tests_that_exist() -> None:
    named = re.findall(r"\[`(\w+\.py)::(\w+)`\]\(([^)]+)\)", LEVELS)
    for file, test, target in named:
        path = ROOT / "docs/guides" / target
        assert path.name == file
        assert re.search(rf"^(async )?def {test}\(", path.read_text(), re.MULTILINE), f"{file}::{test}"
    written = re.sub(r"<!-- generated: .*?<!-- end -->", "", LEVELS, flags=re.DOTALL)  # figures are no claims
    claims = re.findall(r"^\| (?!claim |-).*\|$", written, re.MULTILINE)
    assert all("::test_" in claim for claim in claims), "a claim without a test"
    assert len(claims) <= len(named)


def test_the_page_of_sizes_gives_the_operators_defaults() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| (\d\w*) \| (\d\w*) \| (\w+) \| (\w+) \|", SIZING, re.MULTILINE)
    assert {row[0] for row in rows} == {"exporter", "webhook", "writer", "redis", "compact", "export", "backup"}
    for part, *documented in rows:
        given = resources(Pods(), "all" if part == "compact" else part)
        assert documented == [given[kind][what] for what in ("cpu", "memory") for kind in ("requests", "limits")], part


def test_the_readme_names_every_command() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    assert all(command in README for command in commands)


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)", README)) <= targets


def test_every_folder_in_the_map_of_the_code_exists() -> None:
    for path in re.findall(r"^\| `([\w./]+)`(?:, `([\w./]+)`)* \|", README, re.MULTILINE):
        for each in filter(None, path):
            assert (ROOT / each).exists(), each


def test_nothing_is_called_operator_but_pythons_own() -> None:
    import operator  # noqa: PLC0415 - the point of this test

    assert operator.__file__
    assert "site-packages" not in operator.__file__
    assert not (ROOT / "operator" / "__init__.py").exists()
