"""What people read: every message in both languages, word by word."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.alertmanager_kit import FILES
from tests.support.programs import answer_of

RUNBOOK = "https://docs.example.com/runbooks/AftersendExportLate.md"
BOARD = "https://grafana.example.com/d/aftersend-tenant?var-tenant"
LATE = "shops.mueller: the export is 47m 3s late."
OVERDUE = "shops.mueller: der Export ist 47m 3s überfällig."
Data = dict[str, Any]


def late(tenant: str = "shops.mueller", *, summary: str = "", resolved: bool = False) -> Data:
    """An alert as a template sees it."""
    return {
        "status": "resolved" if resolved else "firing",
        "labels": {"alertname": "AftersendExportLate", "severity": "critical", "tenant": tenant},
        "annotations": {
            "title": "Export late",
            "title_de": "Export zu spät",
            "summary": summary or f"{tenant}: the export is 47m 3s late.",
            "summary_de": f"{tenant}: der Export ist 47m 3s überfällig.",
            "description": "No order reaches Sendcloud. Look at the last run.",
            "description_de": "Keine Bestellung kommt in Sendcloud an. Zuerst den letzten Lauf ansehen.",
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
        "groupLabels": {
            name: labels[name] for name in ("alertname", "severity", "cluster", "upstream") if name in labels
        },
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
No order reaches Sendcloud. Look at the last run.
What to do: {RUNBOOK}
Dashboard: {BOARD}=shops.mueller
""",
    "de": f"""KRITISCH: {OVERDUE}

shops.mueller, seit 26.11.2026 21:47 UTC
Keine Bestellung kommt in Sendcloud an. Zuerst den letzten Lauf ansehen.
Was tun: {RUNBOOK}
Übersicht: {BOARD}=shops.mueller
""",
}
THREE = {
    "en": f"""CRITICAL: Export late (2): shops.mueller, shops.schmidt

- {LATE} (since 2026-11-26 21:47 UTC)
- shops.schmidt: the export is 47m 3s late. (since 2026-11-26 21:47 UTC)
No order reaches Sendcloud. Look at the last run.
RESOLVED: Export late: shops.vogel (2026-11-26 21:47 UTC to 2026-11-26 22:10 UTC)
What to do: {RUNBOOK}
""",
    "de": f"""KRITISCH: Export zu spät (2): shops.mueller, shops.schmidt

- {OVERDUE} (seit 26.11.2026 21:47 UTC)
- shops.schmidt: der Export ist 47m 3s überfällig. (seit 26.11.2026 21:47 UTC)
Keine Bestellung kommt in Sendcloud an. Zuerst den letzten Lauf ansehen.
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


def test_three_hundred_merchants_are_one_readable_message(tmp_path: Path) -> None:
    data = message(*(late(f"shops.m{number:03}") for number in range(300)))
    subject = said("subject", "en", data, tmp_path)
    assert subject == "CRITICAL: Export late (300): shops.m000, shops.m001, shops.m002 and 297 more"
    shown = said("chat", "en", data, tmp_path).splitlines()
    assert shown[9].startswith("- shops.m009: the export is 47m 3s late.")
    assert shown[10] == "and 290 more"
    assert shown[11].startswith("No order reaches Sendcloud")
    assert shown[12:] == [f"What to do: {RUNBOOK}"]
    assert said("text", "en", data, tmp_path).count("\n- ") == 300


def test_what_concerns_all_merchants_names_none(tmp_path: Path) -> None:
    down = late() | {
        "labels": {"alertname": "AftersendUpstreamDown", "severity": "warning", "upstream": "afterbuy"},
        "annotations": {
            "summary": "Afterbuy does not answer 75% of the merchants.",
            "summary_de": "Afterbuy antwortet 75% der Händler nicht.",
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
    back["annotations"]["title_de"] = "Dienst fehlt"
    assert said("subject", "de", message(back), tmp_path) == "BEHOBEN: Dienst fehlt: shops.mueller (writer)"


@pytest.mark.parametrize(("language", "word"), [("en", "CRITICAL"), ("de", "KRITISCH")])
def test_a_cluster_is_named_where_alerts_have_one(language: str, word: str, tmp_path: Path) -> None:
    data = message(late() | {"labels": {**late()["labels"], "cluster": "prod-1"}})
    assert said("subject", language, data, tmp_path).startswith(f"{word} [prod-1]: shops.mueller: ")


def test_an_alert_that_is_not_ours_keeps_its_name(tmp_path: Path) -> None:
    foreign = late(resolved=True)
    foreign |= {"labels": {"alertname": "NodeDown", "severity": "warning"}, "annotations": {"summary": "One is down."}}
    assert said("subject", "en", message(foreign), tmp_path) == "RESOLVED: NodeDown: all merchants"
    assert "One is down. (seit " in said("html", "de", message(foreign | {"status": "firing"}), tmp_path).replace(
        "</b>", ""
    )


def test_html_says_the_same_and_shows_what_it_is_given_as_text(tmp_path: Path) -> None:
    page = said("html", "en", message(late(summary="<script>late</script>")), tmp_path, kind="html")
    assert "<b>&lt;script&gt;late&lt;/script&gt;</b> (since 2026-11-26 21:47 UTC)" in page
    assert f'<a href="{RUNBOOK}">What to do</a>' in page
    assert f'<a href="{BOARD}=shops.mueller">Dashboard</a>' in page
    assert "No order reaches Sendcloud" in page
    pages = said("html", "en", message(late(), late("shops.schmidt")), tmp_path, kind="html")
    assert [f'<a href="{BOARD}={tenant}">' in pages for tenant in ("shops.mueller", "shops.schmidt")] == [True, True]
    assert "<p>No order reaches Sendcloud" in pages


def test_times_are_in_the_time_zone_of_alertmanager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert "seit 26.11.2026 22:47 CET" in said("text", "de", message(late()), tmp_path)
