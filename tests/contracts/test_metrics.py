"""Metrics: name as a scrape shows it, type, labels in order, buckets."""

import re
from collections.abc import Iterator

from prometheus_client import CollectorRegistry

from tests.contracts.product import registries
from tests.contracts.served_tenant import ServedTenant
from tests.support.part_kit import get
from tests.support.snapshots import SNAPSHOTS, Compare, lines


def described(registry: CollectorRegistry) -> Iterator[str]:
    for collector in dict.fromkeys(registry._collector_to_names):
        labels = getattr(collector, "_labelnames", None)
        if labels is None:
            for family in collector.collect():
                yield f"{family.name} {family.type}"
            continue
        (family,) = collector.describe()
        name = family.name + ("_total" if family.type == "counter" else "")
        buckets = [f"{bound:g}" for bound in getattr(collector, "_upper_bounds", ())]
        yield f"{name} {family.type} {{{', '.join(labels)}}}" + (f" le {' '.join(buckets)}" if buckets else "")


def test_names_types_labels_and_buckets(contract: Compare) -> None:
    contract(
        "metrics.txt",
        lines(f"{process} {row}" for process, registry in registries().items() for row in described(registry)),
    )


def test_a_scrape_shows_no_others(tenant: ServedTenant) -> None:
    _, text, _ = get(tenant.admin, "/metrics")
    pinned = set(re.findall(r"^services (\w+) (\w+)", (SNAPSHOTS / "metrics.txt").read_text(), re.MULTILINE))
    shown = set(re.findall(r"^# TYPE (aftersend_\w+) (\w+)", text, re.MULTILINE))
    assert shown
    assert shown <= pinned
