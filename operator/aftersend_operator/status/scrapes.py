"""Whether anything scrapes a tenant: each service reports when ``/metrics`` was read last. Pure.

A Prometheus that selects other PodMonitors, or is kept out by a NetworkPolicy, looks the same from its own side: series
that are not there. A pod is unscraped when it has run for ten minutes and nothing has scraped it within them. Pods of
an older version, which report no scrapes, do not count.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from aftersend_operator.status.service_reports import PodReport

UNSCRAPED_SECONDS: Final = 600.0
"""Longer than any usual scrape interval."""


def is_unscraped(reports: Iterable[PodReport], *, now: float) -> bool:
    """Return True if a pod of the tenant is unscraped; ``now`` is a Unix time."""
    return any(
        now - max(each.pod.started, _unix(each.report.last_scrape)) >= UNSCRAPED_SECONDS
        for each in reports
        if each.report is not None and each.report.last_scrape is not None
    )


def _unix(time: str) -> float:
    try:
        return datetime.fromisoformat(time).timestamp()
    except ValueError:
        return 0.0
