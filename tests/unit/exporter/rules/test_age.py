"""The least age of an order, from OrderDate or from when it was first seen."""

from datetime import datetime, timedelta

import pytest

from aftersend.ledger.entry import Entry
from aftersend.tenant.document import Only
from aftersend_exporter.rules.age import is_too_young
from tests.support.order_kit import NOW, an_order


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def seen(minutes: float, *, fingerprint: str = "") -> Entry:
    return Entry(order="4711", watched=int(ago(minutes).timestamp() * 1000), fingerprint=fingerprint)


@pytest.mark.parametrize(
    ("least", "ordered", "entry", "expected"),
    [
        (0, ago(0), None, False),
        (60, ago(59.9), None, True),
        (60, ago(60), None, False),
        (60, ago(600), None, False),
        (60, ago(0), seen(90), True),
        (60, None, None, True),
        (60, None, seen(59.9), True),
        (60, None, seen(60), False),
        (60, None, Entry(order="4711"), True),
        # a date to come is no date
        (60, ago(-600), None, True),
        (60, ago(-600), seen(61), False),
        # it was sent before the merchant set the least age
        (60, ago(1), Entry(order="4711", state="accepted", fingerprint="f"), False),
        (60, ago(1), seen(1, fingerprint="f"), False),
    ],
)
def test_how_old_an_order_must_be(least: int, ordered: datetime | None, entry: Entry | None, *, expected: bool) -> None:
    order = an_order(ordered_at=ordered)
    assert is_too_young(order, only=Only(min_age_minutes=least), entry=entry, now=NOW) is expected
