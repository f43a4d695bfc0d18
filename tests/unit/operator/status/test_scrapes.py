"""A tenant is unscraped when a pod of it has run for ten minutes and nothing has read its metrics within them."""

from datetime import UTC, datetime

import pytest

from aftersend_operator.status.scrapes import UNSCRAPED_SECONDS, is_unscraped
from aftersend_operator.status.service_reports import PodReport, ServiceReport
from tests.support.part_objects import NOW, pod


def scraped(ago: float) -> str:
    return datetime.fromtimestamp(NOW - ago, UTC).isoformat()


LONG = UNSCRAPED_SECONDS


@pytest.mark.parametrize(
    ("age", "last_scrape", "unscraped"),
    [
        (LONG, "", True),
        (LONG - 1, "", False),
        (2 * LONG, scraped(LONG), True),
        (2 * LONG, scraped(LONG - 1), False),
        (2 * LONG, scraped(-60), False),
        (1, scraped(2 * LONG), False),
        (2 * LONG, None, False),
        (2 * LONG, "no time", True),
    ],
)
def test_a_pod_is_unscraped_ten_minutes_after_its_start_or_last_scrape(
    age: float, last_scrape: str | None, *, unscraped: bool
) -> None:
    report = PodReport(pod("writer", age=age), ServiceReport(last_scrape=last_scrape))
    assert is_unscraped([report], now=NOW) is unscraped


def test_one_pod_of_several_is_enough_and_a_silent_one_says_nothing() -> None:
    reports = [
        PodReport(pod("writer"), None),
        PodReport(pod("exporter"), ServiceReport(last_scrape=scraped(5))),
        PodReport(pod("webhook"), ServiceReport(last_scrape="")),
    ]
    assert is_unscraped(reports, now=NOW)
    assert not is_unscraped(reports[:2], now=NOW)
