"""Which order a label in Sendcloud's list belongs to; whatever stands there, nothing of it stops a run."""

import pytest

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
