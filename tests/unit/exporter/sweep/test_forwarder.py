"""What v3 does not say: whether an unknown parcel of an order is a return."""

import pytest

from aftersend.ledger.entry import Entry, ParcelState
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend_exporter.sweep.forwarder import may_be_return

LABEL = ParcelState(klass=ParcelClass.LABEL, mark="m")
TRANSIT = ParcelState(klass=ParcelClass.TRANSIT, mark="m")
DELIVERED = ParcelState(klass=ParcelClass.DELIVERED, mark="m")
CANCELLED = ParcelState(klass=ParcelClass.CANCELLED, mark="m")
RETURN = ParcelState(klass=ParcelClass.TRANSIT, mark="m", is_return=True)


@pytest.mark.parametrize(
    ("parcels", "collected", "waits"),
    [
        (None, False, False),
        (None, True, True),
        ({}, False, False),
        ({"1": LABEL}, False, False),
        ({"1": CANCELLED}, False, False),
        ({"1": RETURN}, False, False),
        ({"1": TRANSIT}, False, True),
        ({"1": DELIVERED}, False, True),
        ({"1": CANCELLED, "2": DELIVERED}, False, True),
        ({"7": TRANSIT}, False, False),
        ({"1": TRANSIT, "7": LABEL}, True, False),
    ],
)
def test_an_unknown_parcel_of_an_order_with_a_collected_one_waits(
    parcels: dict[str, ParcelState] | None, *, collected: bool, waits: bool
) -> None:
    entry = None if parcels is None else Entry(order="4711", parcels=parcels)
    event = ParcelEvent(parcel="7", status=1000, received=1, number="A1")
    assert may_be_return(event, entry, collected=collected) is waits
