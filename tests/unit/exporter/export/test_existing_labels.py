"""Which order a label in Sendcloud's list belongs to; whatever stands there, nothing of it stops a run."""

import pytest

from aftersend_exporter.export.confirm import _number
from aftersend_exporter.export.existing_labels import _order
from tests.support.ledger_kit import parcel


@pytest.mark.parametrize(
    ("external", "number", "order"),
    [
        ("afterbuy-700", "", 700),
        ("", "700", 700),
        ("shop-9", "700", 0),
        ("", "R-700", 0),
        ("", "٧٠٠", 0),
        ("", "9" * 5000, 0),
        ("afterbuy-" + "9" * 5000, "", 0),
        ("afterbuy-", "700", 0),
    ],
)
def test_the_order_that_a_parcel_names(external: str, number: str, order: int) -> None:
    assert _order(parcel(external_order_id=external, order_number=number)) == order


@pytest.mark.parametrize(
    ("name", "order"), [("afterbuy-700", 700), ("700", 0), ("afterbuy-x", 0), ("afterbuy-" + "9" * 5000, 0)]
)
def test_the_order_that_an_incoming_order_names(name: str, order: int) -> None:
    assert _number(name) == order
