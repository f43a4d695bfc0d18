"""Routing: the routes and the inhibitions of the chart's Alertmanager configuration."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.alertmanager_kit import CONFIG, Alert, alertmanager, configuration
from tests.support.programs import answer_of
from tests.support.rule_kit import alerts

TENANTS = ("shops.mueller", "shops.schmidt")
OF_TENANTS = (
    "ExportLate",
    "SweepLate",
    "WriteBackLate",
    "WriteBackSlow",
    "WebhookFailing",
    "DeadLetters",
    "EventsLost",
    "BackupLate",
    "RedisNotDurable",
    "RedisNearlyFull",
    "TenantDegraded",
)
"""Alerts that may be the consequence of another one; without ``Aftersend`` in front."""


def test_amtool_finds_nothing_wrong() -> None:
    assert "2 receivers" in answer_of("amtool", "check-config", str(CONFIG))


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (["alertname=AftersendExportLate", "severity=critical", "tenant=shops.mueller"], "aftersend-pager"),
        (["alertname=AftersendDeadLetters", "severity=warning", "tenant=shops.mueller"], "aftersend-office"),
        (["alertname=AftersendUpstreamDown", "severity=warning", "upstream=afterbuy"], "aftersend-office"),
        (["alertname=SomebodyElses"], "aftersend-office"),
    ],
)
def test_each_severity_has_its_channel_and_nothing_is_dropped(labels: list[str], receiver: str) -> None:
    found = answer_of("amtool", "config", "routes", "test", f"--config.file={CONFIG}", *labels)
    assert found.strip() == receiver


def test_no_secret_stands_in_the_configuration() -> None:
    """Whatever names a key, a password or the chat's address names a file."""
    channels = [
        channel
        for receiver in configuration()["receivers"]
        for name, kind in receiver.items()
        if name != "name"
        for channel in kind
    ]
    secrets = {"routing_key", "service_key", "api_url", "auth_password", "auth_secret"}
    assert len(channels) == 4
    assert all(secrets.isdisjoint(channel) and channel["send_resolved"] for channel in channels)


def test_all_times_are_within_what_on_call_was_promised() -> None:
    route = configuration()["route"]
    (critical,) = route["routes"]
    assert (route["repeat_interval"], critical["repeat_interval"]) == ("24h", "2h")
    assert route["group_by"] == ["alertname", "severity", "cluster", "upstream", "problem"]


def alert(name: str, *, severity: str = "warning", **labels: str) -> Alert:
    """``name`` without ``Aftersend``."""
    return Alert(labels={"alertname": f"Aftersend{name}", "severity": severity, **labels})


def everything() -> list[Alert]:
    """All that may follow from something, at both tenants."""
    return [alert(name, tenant=tenant) for tenant in TENANTS for name in OF_TENANTS] + [
        alert("UpstreamFailing", tenant=tenant, upstream=upstream)
        for tenant in TENANTS
        for upstream in ("afterbuy", "sendcloud")
    ]


def silenced(folder: Path, *causes: Alert, others: Iterable[Alert] = ()) -> dict[str, set[str]]:
    """The inhibited alerts, by tenant."""
    with alertmanager(configuration(), folder) as running:
        silent, aloud = running.weigh([*everything(), *others, *causes])
    assert {cause.labels["alertname"] for cause in causes} <= {name for name, _ in aloud}
    found: dict[str, set[str]] = {}
    for name, tenant in silent:
        found.setdefault(tenant, set()).add(name.removeprefix("Aftersend"))
    return found


def test_without_a_cause_nothing_is_inhibited(tmp_path: Path) -> None:
    assert silenced(tmp_path) == {}


@pytest.mark.parametrize(
    ("upstream", "follows"),
    [
        ("afterbuy", {"ExportLate", "WriteBackLate", "WriteBackSlow", "TenantDegraded", "UpstreamFailing"}),
        ("sendcloud", {"ExportLate", "SweepLate", "WriteBackSlow", "TenantDegraded", "UpstreamFailing"}),
    ],
)
class TestOneSide:
    def test_down_silences_what_follows_at_every_merchant(
        self, upstream: str, follows: set[str], tmp_path: Path
    ) -> None:
        refused = [alert("CredentialsRefused", tenant="shops.mueller", upstream=upstream)]
        found = silenced(tmp_path, alert("UpstreamDown", upstream=upstream), others=refused)
        assert found["shops.schmidt"] == follows
        assert found["shops.mueller"] == follows | {"CredentialsRefused"}

    def test_that_refuses_credentials_silences_what_follows_at_that_merchant(
        self, upstream: str, follows: set[str], tmp_path: Path
    ) -> None:
        cause = alert("CredentialsRefused", tenant="shops.mueller", upstream=upstream)
        assert silenced(tmp_path, cause) == {"shops.mueller": follows}


def test_the_other_side_still_notifies(tmp_path: Path) -> None:
    with alertmanager(configuration(), tmp_path) as running:
        silent, aloud = running.weigh([*everything(), alert("UpstreamDown", upstream="afterbuy")])
    assert ("AftersendUpstreamFailing", "shops.mueller") in silent & aloud
    assert ("AftersendSweepLate", "shops.mueller") in aloud


@pytest.mark.parametrize(
    ("part", "follows"),
    [
        ("exporter", {"ExportLate", "SweepLate", "TenantDegraded"}),
        ("webhook", {"WebhookFailing", "WriteBackSlow", "TenantDegraded"}),
        ("writer", {"WriteBackLate", "WriteBackSlow", "TenantDegraded"}),
    ],
)
def test_a_missing_part_silences_what_it_leaves_undone(part: str, follows: set[str], tmp_path: Path) -> None:
    cause = alert("PartMissing", severity="critical", tenant="shops.mueller", part=part)
    assert silenced(tmp_path, cause) == {"shops.mueller": follows}


@pytest.mark.parametrize("rule", configuration()["inhibit_rules"], ids=lambda rule: str(rule["source_matchers"]))
def test_a_cause_silences_nothing_in_another_cluster(rule: dict[str, list[str]]) -> None:
    assert "cluster" in rule["equal"]


def test_a_message_about_many_silences_the_single_ones_of_its_severity(tmp_path: Path) -> None:
    cause = alert("ManyTenants", severity="warning", problem="AftersendDeadLetters")
    urgent = alert("DeadLetters", severity="critical", tenant="shops.vogel")
    found = silenced(tmp_path, cause, others=[urgent])
    assert found == {tenant: {"DeadLetters"} for tenant in TENANTS}


MISSING = alert("ManyTenants", severity="critical", problem="AftersendPartMissing")


@pytest.mark.parametrize(
    ("cause", "problem", "is_silent"),
    [
        (MISSING, "DeadLetters", False),
        (MISSING, "TenantDegraded", True),
        (alert("UpstreamDown", severity="critical", upstream="sendcloud"), "SweepLate", True),
        (alert("UpstreamDown", severity="critical", upstream="sendcloud"), "BackupLate", False),
    ],
)
def test_many_merchants_with_one_problem_hide_those_with_another_only_if_it_follows(
    tmp_path: Path, cause: Alert, problem: str, *, is_silent: bool
) -> None:
    other = alert("ManyTenants", severity="warning", problem=f"Aftersend{problem}")
    with alertmanager(configuration(), tmp_path) as running:
        silent, _ = running.weigh([cause, other])
    assert bool(silent) == is_silent


def test_every_alert_of_a_tenant_can_be_silenced_by_one_about_many() -> None:
    rules = configuration()["inhibit_rules"]
    about = [rule["source_matchers"][1] for rule in rules if "ManyTenants" in rule["source_matchers"][0]]
    of_tenants = {name for name, found in alerts().items() if "$labels.tenant" in found[0]["annotations"]["summary"]}
    assert sorted(about) == [f'problem = "{name}"' for name in sorted(of_tenants)]


def test_a_critical_alert_inhibits_its_warning(tmp_path: Path) -> None:
    critical = alert("BackupLate", severity="critical", tenant="shops.mueller")
    with alertmanager(configuration(), tmp_path) as running:
        silent, aloud = running.weigh([*everything(), critical])
    assert silent == {("AftersendBackupLate", "shops.mueller")}
    assert ("AftersendBackupLate", "shops.mueller") in aloud
