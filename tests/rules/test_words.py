"""What people read: every message in both languages, word by word."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.alertmanager_kit import FILES
from tests.support.programs import answer_of
from tests.support.prometheus_kit import RULES as ALERTS_FILE

RUNBOOK = "https://docs.example.com/runbooks/AftersendExportLate.md"
BOARD = "https://grafana.example.com/d/aftersend-tenant?var-tenant"
LATE = "shops.mueller: the export is 47m 3s late."
OVERDUE = "shops.mueller: der Export ist 47m 3s überfällig."
Data = dict[str, Any]
RULES = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"] for rule in group["rules"] if "alert" in rule
]
ALERTS = {rule["alert"] for rule in RULES}


def late(tenant: str = "shops.mueller", *, summary: str = "", resolved: bool = False) -> Data:
    """An alert as a template sees it."""
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": "AftersendExportLate", "severity": "critical", "tenant": tenant},
        "annotations": {
            "summary": summary or f"{tenant}: the export is 47m 3s late.",
            "description": f"No order of {tenant} has reached Sendcloud since 20:00. Look at its last run.",
            "runbook_url": RUNBOOK,
            "dashboard_url": f"{BOARD}={tenant}",
        },
        "startsAt": "2026-11-26T21:47:00Z",
        "endsAt": "2026-11-26T22:10:00Z" if resolved else "0001-01-01T00:00:00Z",
    }


def message(*alerts: Data) -> Data:
    """What Alertmanager gives to its templates."""
    labels = alerts[0]["labels"]
    return {
        "status": "firing" if any(alert["status"] == "firing" for alert in alerts) else "resolved",
        "alerts": list(alerts),
        "groupLabels": {name: labels[name] for name in ("alertname", "severity", "upstream") if name in labels},
        "commonAnnotations": dict(set.intersection(*(set(alert["annotations"].items()) for alert in alerts))),
    }


def said(template: str, language: str, data: Data, folder: Path, *, kind: str = "text") -> str:
    """The rendered template."""
    file = folder / "data.json"
    file.write_text(json.dumps(data))
    globs = [f"--template.glob={FILES / name}.tmpl" for name in ("layout", language)]
    text = f'--template.text={{{{ template "aftersend.{template}" . }}}}'
    return answer_of("amtool", "template", "render", *globs, f"--template.type={kind}", f"--template.data={file}", text)


@pytest.fixture(autouse=True)
def _greenwich(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")


ONE = {
    "en": f"""CRITICAL: {LATE}

shops.mueller, since 2026-11-26 21:47 UTC
No order of shops.mueller has reached Sendcloud since 20:00. Look at its last run.
What to do: {RUNBOOK}
Dashboard: {BOARD}=shops.mueller
""",
    "de": f"""KRITISCH: {OVERDUE}

shops.mueller, seit 26.11.2026 21:47 UTC
Neue Bestellungen kommen nicht in Sendcloud an, also kann nichts gepackt werden. Zuerst den letzten Lauf und beide \
Gegenstellen ansehen.
Was tun: {RUNBOOK}
Übersicht: {BOARD}=shops.mueller
""",
}
THREE = {
    "en": f"""CRITICAL: Export late (2): shops.mueller, shops.schmidt

- {LATE} (since 2026-11-26 21:47 UTC)
- shops.schmidt: the export is 47m 3s late. (since 2026-11-26 21:47 UTC)
New orders do not reach Sendcloud, so nothing can be packed. Look at the last run and at both upstreams.
RESOLVED: Export late: shops.vogel (2026-11-26 21:47 UTC to 2026-11-26 22:10 UTC)
What to do: {RUNBOOK}
""",
    "de": f"""KRITISCH: Export zu spät (2): shops.mueller, shops.schmidt

- {OVERDUE} (seit 26.11.2026 21:47 UTC)
- shops.schmidt: der Export ist 47m 3s überfällig. (seit 26.11.2026 21:47 UTC)
Neue Bestellungen kommen nicht in Sendcloud an, also kann nichts gepackt werden. Zuerst den letzten Lauf und beide \
Gegenstellen ansehen.
BEHOBEN: Export zu spät: shops.vogel (26.11.2026 21:47 UTC bis 26.11.2026 22:10 UTC)
Was tun: {RUNBOOK}
""",
}
OVER = {
    "en": f"""RESOLVED: Export late: shops.mueller

RESOLVED: Export late: shops.mueller (2026-11-26 21:47 UTC to 2026-11-26 22:10 UTC)
Dashboard: {BOARD}=shops.mueller
""",
    "de": f"""BEHOBEN: Export zu spät: shops.mueller

BEHOBEN: Export zu spät: shops.mueller (26.11.2026 21:47 UTC bis 26.11.2026 22:10 UTC)
Übersicht: {BOARD}=shops.mueller
""",
}


@pytest.mark.parametrize("language", ["en", "de"])
class TestBothLanguages:
    def test_one_merchant(self, language: str, tmp_path: Path) -> None:
        assert said("text", language, message(late()), tmp_path) == ONE[language]

    def test_several_of_whom_one_is_well_again(self, language: str, tmp_path: Path) -> None:
        data = message(late(), late("shops.schmidt"), late("shops.vogel", resolved=True))
        assert said("text", language, data, tmp_path) == THREE[language]

    def test_all_is_well_again(self, language: str, tmp_path: Path) -> None:
        assert said("text", language, message(late(resolved=True)), tmp_path) == OVER[language]

    def test_the_pager_gets_the_same_without_links(self, language: str, tmp_path: Path) -> None:
        paged, mailed = (said(name, language, message(late()), tmp_path) for name in ("pager", "text"))
        assert paged.strip().splitlines() == mailed.splitlines()[2:-2]

    def test_every_alert_has_a_title_and_a_meaning(self, language: str) -> None:
        named = re.findall(r'eq \. "(Aftersend\w+)"', (FILES / f"{language}.tmpl").read_text())
        assert sorted(named) == sorted([*ALERTS, *ALERTS])


def variants(summary: str) -> list[str]:
    """A rule's sentence as it may arrive: every branch, with labels and a value."""
    branch = re.search(r"\{\{ if [^}]* \}\}(.*?)\{\{ else \}\}(.*?)\{\{ end \}\}", summary)
    if branch:
        return [each for way in branch.groups() for each in variants(summary.replace(branch[0], way, 1))]
    plain = re.sub(r"\{\{ range .*?\{\{ end \}\}", "", summary)
    plain = re.sub(r"\{\{ \$labels\.(\w+)[^}]*\}\}", r"a-\1", plain)
    return [re.sub(r"\{\{[^}]*\}\}", "4.2", plain)]


def test_every_sentence_of_the_rules_is_german_with_its_names_and_numbers(tmp_path: Path) -> None:
    sentences = sorted({each for rule in RULES for each in variants(rule["annotations"]["summary"])})
    alerts = [late(summary=sentence) for sentence in sentences]
    lines = said("text", "de", message(*alerts), tmp_path).splitlines()
    shown = [line[2:].removesuffix(" (seit 26.11.2026 21:47 UTC)") for line in lines if line.startswith("- ")]
    english = re.compile(r"\b(the|of|has|have|were|is|are|not|does|to|within|with|for|late|its)\b")
    for before, after in zip(sentences, shown, strict=True):
        assert not english.search(after), after
        assert sorted(re.findall(r"a-\w+|[\d.]*\d", before)) == sorted(re.findall(r"a-\w+|[\d.]*\d", after))


def test_three_hundred_merchants_are_one_readable_message(tmp_path: Path) -> None:
    data = message(*(late(f"shops.m{number:03}") for number in range(300)))
    subject = said("subject", "en", data, tmp_path)
    assert subject == "CRITICAL: Export late (300): shops.m000, shops.m001, shops.m002 and 297 more"
    shown = said("chat", "en", data, tmp_path).splitlines()
    assert shown[9].startswith("- shops.m009: the export is 47m 3s late.")
    assert shown[10] == "and 290 more"
    assert shown[11].startswith("New orders do not reach Sendcloud")
    assert shown[12:] == [f"What to do: {RUNBOOK}"]
    assert said("text", "en", data, tmp_path).count("\n- ") == 300


def test_what_concerns_all_merchants_names_none(tmp_path: Path) -> None:
    down = late() | {
        "labels": {"alertname": "AftersendUpstreamDown", "severity": "warning", "upstream": "afterbuy"},
        "annotations": {
            "summary": "Afterbuy does not answer 75% of the merchants.",
            "description": "Work waits.",
            "runbook_url": "",
        },
    }
    assert said("subject", "en", message(down), tmp_path) == "WARNING: Afterbuy does not answer 75% of the merchants."
    assert said("subject", "de", message(down), tmp_path) == "WARNUNG: Afterbuy antwortet 75% der Händler nicht."
    assert said("text", "en", message(down), tmp_path).splitlines()[2:] == [
        "afterbuy, since 2026-11-26 21:47 UTC",
        "Work waits.",
    ]


def test_a_part_is_named_when_it_is_back(tmp_path: Path) -> None:
    back = late(resolved=True)
    back["labels"] = {**back["labels"], "alertname": "AftersendPartMissing", "part": "writer"}
    assert said("subject", "de", message(back), tmp_path) == "BEHOBEN: Dienst fehlt: shops.mueller (writer)"


def test_an_alert_that_is_not_ours_keeps_its_name(tmp_path: Path) -> None:
    foreign = late(resolved=True)
    foreign["labels"] = {"alertname": "NodeDown", "severity": "warning"}
    assert said("subject", "en", message(foreign), tmp_path) == "RESOLVED: NodeDown: all merchants"


def test_html_says_the_same_and_shows_what_it_is_given_as_text(tmp_path: Path) -> None:
    page = said("html", "en", message(late(summary="<script>late</script>")), tmp_path, kind="html")
    assert "<b>&lt;script&gt;late&lt;/script&gt;</b> (since 2026-11-26 21:47 UTC)" in page
    assert f'<a href="{RUNBOOK}">What to do</a>' in page
    assert f'<a href="{BOARD}=shops.mueller">Dashboard</a>' in page
    assert "No order of shops.mueller has reached Sendcloud" in page
    pages = said("html", "en", message(late(), late("shops.schmidt")), tmp_path, kind="html")
    assert [f'<a href="{BOARD}={tenant}">' in pages for tenant in ("shops.mueller", "shops.schmidt")] == [True, True]
    assert "<p>New orders do not reach Sendcloud" in pages


def test_times_are_in_the_time_zone_of_alertmanager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert "seit 26.11.2026 22:47 CET" in said("text", "de", message(late()), tmp_path)
