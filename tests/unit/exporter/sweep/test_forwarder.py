"""Which parcels a sweep does not forward: what is known, and what v3 does not say, whether a parcel is a return."""

from typing import Any

import pytest
from msgspec.structs import replace

from aftersend.errors import Transient
from aftersend.ledger.entry import Entry, ParcelState
from aftersend.ledger.merge import merge
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend_exporter.sweep.forwarder import is_known, may_be_return

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


SWEPT = ParcelEvent(
    parcel="7",
    status=1000,
    received=2000,
    time=1000,
    number="A1",
    url="https://a.example/A1",
    carrier="dhl_de",
    external_order_id="afterbuy-4711",
)


def shown(event: ParcelEvent) -> Entry:
    """An order whose parcel was written back."""
    entry = merge(Entry(order="4711"), event, str.upper)
    return replace(entry, applied=entry.observed, lagging=0)


def test_a_parcel_that_was_written_back_is_known() -> None:
    assert is_known(replace(SWEPT, received=9000), shown(SWEPT), str.upper)


@pytest.mark.parametrize(
    "news",
    [
        {"parcel": "8"},
        {"number": "A2"},
        {"url": "https://a.example/A2"},
        {"carrier": "dpd"},
        {"status": 11},
        {"status": 2000},
        {"collo": 2},
        {"is_return": True},
        {"time": None},
    ],
)
def test_whatever_is_new_about_it_is_forwarded(news: dict[str, Any]) -> None:
    assert not is_known(replace(SWEPT, **{"time": 1500, **news}), shown(SWEPT), str.upper)


@pytest.mark.parametrize("entry", [None, Transient("unknown_key"), replace(shown(SWEPT), applied=0)])
def test_without_an_entry_that_afterbuy_shows_it_is_forwarded(entry: Entry | Transient | None) -> None:
    assert not is_known(SWEPT, entry, str.upper)
