"""Every alert has its runbook and every runbook its alert; its queries are understood and ask for what exists."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from aftersend.observe.metrics import Metrics
from aftersend_operator.metrics import OperatorMetrics
from tests.support.rule_kit import ROOT, RUNBOOKS, alerts, metrics_of, names_in, promtool, recorded_in, rules
from tests.support.runbook_kit import GUIDE, commands, pages, queries

CHAPTERS = ["Meaning", "Impact on the merchant", "Diagnosis", "Mitigation", "When to escalate"]
LONGEST = 80
"""Lines of a page that is read at night."""


def test_every_alert_has_its_runbook_and_every_runbook_its_alert() -> None:
    assert {path.stem for path in pages()} == alerts().keys()


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.stem)
def test_a_page_has_its_chapters_in_order_and_is_short(path: Path) -> None:
    text = path.read_text()
    assert text.startswith(f"# {path.stem}\n")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == CHAPTERS
    assert len(text.splitlines()) <= LONGEST
    for severity in (rule["labels"]["severity"] for rule in alerts()[path.stem]):
        assert severity in text.splitlines()[2].lower()


def test_the_index_leads_to_every_page() -> None:
    rows = dict(
        re.findall(r"^\| \[(\w+)\]\(\1\.md\) \| ([a-z, ]+) \|", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    )
    assert rows == {
        name: ", ".join(sorted(rule["labels"]["severity"] for rule in found)) for name, found in alerts().items()
    }


@pytest.mark.parametrize("path", [*pages(), RUNBOOKS / "README.md", GUIDE], ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)", path.read_text()):
        assert (path.parent / link).is_file(), link


def test_the_guide_names_panels_that_exist() -> None:
    boards = (ROOT / "charts/aftersend/files/dashboards").glob("*.json")
    titles = {title for board in boards for title in re.findall(r'"title": "([^"]+)"', board.read_text())}
    named = re.findall(r"\*\*([^*]+)\*\*|dashboards? \*([^*]+)\*", GUIDE.read_text())
    assert len(named) > 10
    assert {panel or board for panel, board in named} <= titles


def test_queries_are_promql(tmp_path: Path) -> None:
    file = tmp_path / "queries.yaml"
    records = [{"record": f"query:{number}", "expr": query} for number, (_, query) in enumerate(queries())]
    file.write_text(json.dumps({"groups": [{"name": "queries", "rules": records}]}))
    checked = promtool("check", "rules", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_queries_ask_for_what_exists() -> None:
    asked = "\n".join(query for _, query in queries())
    registries: list[CollectorRegistry] = [Metrics().registry, OperatorMetrics().registry]
    assert metrics_of(asked) <= set().union(*map(names_in, registries))
    assert recorded_in(asked) <= {rule["record"] for rule in rules() if "record" in rule}


def test_only_known_programs_are_called() -> None:
    assert {words[0] for words in commands()} == {"kubectl", "aftersend"}
