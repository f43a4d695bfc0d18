"""Messages on their way: a real Alertmanager sends to pager, chat and mail server, and says when all is well again."""

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.support.alertmanager_kit import PAGER_KEY, ROOT, Alert, addressed, alertmanager, configuration, hurried
from tests.support.notice_sink import SentNotification, sink
from tests.support.programs import answer_of

RUNBOOK = "https://docs.example.com/runbooks/X.md"
FASTER = 60
"""Waiting times are divided by this: the first message comes after half a second."""


def alert(name: str, severity: str, tenant: str = "shops.mueller", *, over: bool = False) -> Alert:
    """One of an hour ago."""
    now = datetime.now(UTC)
    return Alert(
        labels={"alertname": name, "severity": severity, "tenant": tenant},
        annotations={
            "title": "Export late",
            "title_de": "Unzustellbare Ereignisse",
            "summary": f"{tenant}: 2 events were given up.",
            "summary_de": f"{tenant}: 2 Ereignisse wurden aufgegeben.",
            "description": "Look at it.",
            "description_de": "Grund lesen, beheben, neu zustellen.",
            "runbook_url": RUNBOOK,
        },
        starts_at=now - timedelta(hours=1),
        ends_at=now - timedelta(seconds=1) if over else None,
    )


def test_critical_reaches_the_pager_by_both_ways_and_resolves_the_same_incident(tmp_path: Path) -> None:
    with sink() as received:
        config = hurried(addressed(configuration(), received, tmp_path, "en"), FASTER)
        with alertmanager(config, tmp_path) as running:
            running.send([alert("AftersendExportLate", "critical")])
            paged = received.wait_for(lambda notice: notice.channel == "pagerduty")
            called = received.wait_for(lambda notice: notice.channel == "webhook")
            running.send([alert("AftersendExportLate", "critical", over=True)])
            over = received.wait_for(lambda notice: notice.channel == "pagerduty" and notice.resolved)
            received.wait_for(lambda notice: notice.channel == "webhook" and notice.resolved)
        assert {notice.channel for notice in received.notices} == {"pagerduty", "webhook"}
    assert paged.body["routing_key"] == PAGER_KEY
    assert paged.body["event_action"] == "trigger"
    assert paged.body["payload"]["summary"] == "CRITICAL: shops.mueller: 2 events were given up."
    assert paged.body["payload"]["severity"] == "critical"
    details = paged.body["payload"]["custom_details"]
    assert details["message"].endswith("\nLook at it.\n")
    assert details["firing"] == details["resolved"] == ""
    assert paged.body["links"] == [{"href": RUNBOOK, "text": "Runbook"}]
    assert called.authorization == f"Bearer {PAGER_KEY}"
    assert called.body["alerts"][0]["annotations"]["runbook_url"] == RUNBOOK
    assert over.body["dedup_key"] == paged.body["dedup_key"]


def test_a_warning_reaches_chat_and_mail(tmp_path: Path) -> None:
    with sink() as received:
        config = hurried(addressed(configuration(), received, tmp_path, "de"), FASTER)
        with alertmanager(config, tmp_path) as running:
            running.send([alert("AftersendDeadLetters", "warning")])
            chat = received.wait_for(lambda notice: notice.channel == "chat")
            mail = received.wait_for(lambda notice: notice.channel == "mail")
            running.send([alert("AftersendDeadLetters", "warning", over=True)])
            over = received.wait_for(lambda notice: notice.channel == "chat" and notice.resolved)
            received.wait_for(lambda notice: notice.channel == "mail" and notice.resolved)
        assert {notice.channel for notice in received.notices} == {"chat", "mail"}
    (attachment,) = chat.body["attachments"]
    assert attachment["title"] == mail.subject == "WARNUNG: shops.mueller: 2 Ereignisse wurden aufgegeben."
    assert (attachment["color"], attachment["title_link"]) == ("warning", RUNBOOK)
    assert attachment["text"].endswith(f"neu zustellen.\nWas tun: {RUNBOOK}\n")
    assert mail.body["to"] == "on-call@example.com"
    assert mail.body["x-aftersend-alert"] == "AftersendDeadLetters"
    assert mail.body["text/plain"].startswith(f"{mail.subject}\n\nshops.mueller, seit ")
    assert f'<a href="{RUNBOOK}">Was tun</a>' in mail.body["text/html"]
    assert over.subject == "BEHOBEN: Unzustellbare Ereignisse: shops.mueller"
    assert over.body["attachments"][0]["color"] == "good"


def test_three_hundred_merchants_at_once_are_one_message(tmp_path: Path) -> None:
    def all_of_them(notice: SentNotification) -> bool:
        return notice.channel == "pagerduty" and "(300)" in notice.subject

    with sink() as received:
        config = hurried(addressed(configuration(), received, tmp_path, "en"), FASTER)
        with alertmanager(config, tmp_path) as running:
            running.send([alert("AftersendExportLate", "critical", f"shops.m{number:03}") for number in range(300)])
            notice = received.wait_for(all_of_them)
        assert {notice.body["dedup_key"] for notice in received.notices if notice.channel == "pagerduty"} == {
            notice.body["dedup_key"]
        }
    assert notice.subject == "CRITICAL: Export late (300): shops.m000, shops.m001, shops.m002 and 297 more"


def test_the_made_up_alert_of_the_guide_goes_all_the_way(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "notifications.md").read_text()
    (command,) = re.findall(r"^amtool (alert add .*)$", guide, re.MULTILINE)
    with sink() as received:
        config = hurried(addressed(configuration(), received, tmp_path, "en"), FASTER)
        with alertmanager(config, tmp_path) as running:
            answer_of("amtool", *shlex.split(command.replace("=…", f"={running.url}")))
            notice = received.wait_for(lambda notice: notice.channel == "mail")
    assert notice.subject == "WARNING: shops.test: 1 event was given up."
