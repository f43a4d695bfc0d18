"""Weights: per piece, in kg, three decimals, never zero.

An order weighs the sum of its pieces. Items without a weight count zero as long as any item has one. If none has one,
the order gets the default weight, and its label ("Kleinpaket") becomes delivery indicator and tag, so that a shipping
rule in Sendcloud can catch it.
"""

from collections.abc import Sequence
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Literal

from aftersend.afterbuy.model import SoldItem
from aftersend.sendcloud.model import Measurement, Quantity
from aftersend.tenant.document import Weight

_GRAM = Decimal("0.001")


def piece_weight(item: SoldItem, *, unit: Literal["kg", "g"]) -> Decimal | None:
    """Return the weight of one piece in kg, at least a gram; None if Afterbuy has none.

    A unit that stands beside the weight counts more than the tenant's.
    """
    if item.weight is None or not item.weight.is_finite() or item.weight <= 0:
        return None
    return _rounded(item.weight * _GRAM if (item.weight_unit or unit) == "g" else item.weight)


def total_weight(items: Sequence[SoldItem], *, rules: Weight) -> Decimal | None:
    """Return the weight of all pieces in kg; None if no item has a weight."""
    pieces = [(piece_weight(item, unit=rules.unit), item.quantity) for item in items]
    known = [weight * quantity for weight, quantity in pieces if weight is not None]
    return sum(known, start=Decimal()) if known else None


def default_weight(rules: Weight) -> Decimal:
    """Return what an order without any weight gets, in kg."""
    return _rounded(Decimal(str(rules.default)))


def share(weight: Decimal, *, pieces: int) -> Decimal | None:
    """Return the weight of one of so many pieces, rounded down; None if that is less than a gram."""
    piece = (weight / pieces).quantize(_GRAM, rounding=ROUND_DOWN) if pieces else Decimal()
    return piece if piece >= _GRAM else None


def measurement(weight: Decimal) -> Measurement:
    """Convert a weight to Sendcloud's form."""
    return Measurement(weight=Quantity(value=float(weight)))


def _rounded(weight: Decimal) -> Decimal:
    return max(weight.quantize(_GRAM, rounding=ROUND_HALF_UP), _GRAM)
