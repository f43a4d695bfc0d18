"""CronJobs: the tenant's own times, limits that end what hangs, and a result that reaches the operator."""

from typing import Any

import pytest

from tests.support.operator_kit import tenant, wanted


@pytest.mark.parametrize(
    ("key", "command"),
    [
        (
            "CronJob/export",
            "aftersend trigger export --wait --timeout 900 --jitter --json --report /dev/termination-log",
        ),
        ("CronJob/backup", "aftersend backup create --jitter --json --report /dev/termination-log"),
    ],
)
def test_the_commands(key: str, command: str) -> None:
    (container,) = wanted()[key]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert " ".join(container["command"]) == command
    assert container["terminationMessagePolicy"] == "File"


def test_schedules_and_time_zone_are_the_tenants() -> None:
    found = wanted(
        tenant(timeZone="Europe/Madrid", export={"schedule": "5 6 * * 1-5"}, backup={"schedule": "30 * * * *"})
    )
    times = {key: (it["spec"]["schedule"], it["spec"]["timeZone"]) for key, it in found.items() if "CronJob" in key}
    assert times == {
        "CronJob/export": ("5 6 * * 1-5", "Europe/Madrid"),
        "CronJob/backup": ("30 * * * *", "Europe/Madrid"),
    }


@pytest.mark.parametrize("key", ["CronJob/export", "CronJob/backup"])
def test_no_job_overlaps_hangs_or_piles_up(key: str) -> None:
    spec = wanted()[key]["spec"]
    job: dict[str, Any] = spec["jobTemplate"]["spec"]
    assert spec["concurrencyPolicy"] != "Allow"
    assert spec["startingDeadlineSeconds"] >= 10, "the controller looks every ten seconds"
    assert (spec["successfulJobsHistoryLimit"], spec["failedJobsHistoryLimit"]) == (1, 1)
    assert 960 < job["activeDeadlineSeconds"] < 3600, "more than the jitter and the command's own patience"
    assert job["backoffLimit"] == 0
    assert job["template"]["spec"]["restartPolicy"] == "Never"
    assert job["podFailurePolicy"]["rules"][0]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]


@pytest.mark.parametrize(
    ("schedule", "policy"),
    [
        ("0 * * * *", "Replace"),
        ("*/2 * * * *", "Replace"),
        ("0,30 8-18 * * 1-5", "Replace"),
        ("0 0 29 FEB *", "Replace"),
        ("* * * * *", "Forbid"),
        ("0-30 6 * * 1", "Forbid"),
        ("59 23 * * *", "Replace"),
        ("0,59 0,23 * * *", "Forbid"),
    ],
)
def test_an_export_job_that_cannot_start_gives_way_unless_the_next_one_comes_before_it_has_asked(
    schedule: str, policy: str
) -> None:
    found = wanted(tenant(export={"schedule": schedule}, backup={"schedule": schedule}))
    assert found["CronJob/export"]["spec"]["concurrencyPolicy"] == policy
    assert found["CronJob/backup"]["spec"]["concurrencyPolicy"] == "Forbid", "a backup that is cut off is none"


def test_a_suspended_tenant_exports_nothing_but_is_backed_up() -> None:
    found = wanted(tenant(suspend=True))
    assert found["CronJob/export"]["spec"]["suspend"] is True
    assert found["CronJob/backup"]["spec"]["suspend"] is False
    assert wanted()["CronJob/export"]["spec"]["suspend"] is False


def test_the_compact_process_needs_none() -> None:
    assert not [key for key in wanted(tenant(topology="compact")) if key.startswith("CronJob")]
