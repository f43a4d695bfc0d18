"""Weights: per piece, in kg, never zero."""

from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.tenant.document import Weight
from aftersend_exporter.rules.weights import default_weight, measurement, piece_weight, total_weight
from tests.support.order_kit import an_item


@pytest.mark.parametrize(
    ("weight", "unit", "expected"),
    [
        ("0.75", "kg", "0.750"),
        ("9.88", "kg", "9.880"),
        ("750", "g", "0.750"),
        ("1", "g", "0.001"),
        ("0.4", "g", "0.001"),
        ("0.0001", "kg", "0.001"),
        ("0.0005", "kg", "0.001"),
        ("1.2345", "kg", "1.235"),
        ("1234.5", "g", "1.235"),
        ("0", "kg", None),
        ("-1", "kg", None),
        ("NaN", "kg", None),
        ("Infinity", "kg", None),
        (None, "kg", None),
    ],
)
def test_piece_weight(weight: str | None, unit: Literal["kg", "g"], expected: str | None) -> None:
    found = piece_weight(an_item(weight=Decimal(weight) if weight else None), unit=unit)
    assert found == (Decimal(expected) if expected else None)


@pytest.mark.parametrize(
    ("weight", "beside", "unit", "expected"),
    [("0.75", "kg", "g", "0.750"), ("750", "g", "kg", "0.750"), ("0.75", "", "kg", "0.750"), ("750", "", "g", "0.750")],
)
def test_a_unit_beside_the_weight_counts_more_than_the_tenants(
    weight: str, beside: str, unit: Literal["kg", "g"], expected: str
) -> None:
    assert piece_weight(an_item(weight=Decimal(weight), weight_unit=beside), unit=unit) == Decimal(expected)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([("0.5", 1)], "0.500"),
        ([("0.5", 3)], "1.500"),
        ([("0.5", 2), ("1.25", 1)], "2.250"),
        ([("0.5", 2), (None, 10)], "1.000"),
        ([("0", 2), ("0.1", 1)], "0.100"),
        ([(None, 1)], None),
        ([("0", 1), (None, 5)], None),
        ([], None),
    ],
)
def test_total_is_the_sum_of_the_pieces(pieces: list[tuple[str | None, int]], expected: str | None) -> None:
    items = [an_item(weight=Decimal(weight) if weight else None, quantity=quantity) for weight, quantity in pieces]
    assert total_weight(items, rules=Weight()) == (Decimal(expected) if expected else None)


@pytest.mark.parametrize(("default", "expected"), [(3, "3"), (0.001, "0.001"), (2.5, "2.5"), (0.1 + 0.2, "0.3")])
def test_default_weight(default: float, expected: str) -> None:
    assert default_weight(Weight(default=default)) == Decimal(expected)


def test_measurement_is_what_sendcloud_reads() -> None:
    found = measurement(Decimal("1.235")).weight
    assert (found.value, found.unit) == (1.235, "kg")


@given(st.lists(st.tuples(st.none() | st.decimals(0, 1000, places=4, allow_nan=False), st.integers(1, 50)), min_size=1))
def test_never_zero_and_never_less_than_the_items(pieces: list[tuple[Decimal | None, int]]) -> None:
    """Carriers refuse an order whose items weigh more than the parcel."""
    items = [an_item(weight=weight, quantity=quantity) for weight, quantity in pieces]
    total = total_weight(items, rules=Weight())
    known = [piece_weight(item, unit="kg") for item in items]
    assert total is None or total >= Decimal("0.001")
    assert (total or 0) == sum(w * i.quantity for w, i in zip(known, items, strict=True) if w is not None)
