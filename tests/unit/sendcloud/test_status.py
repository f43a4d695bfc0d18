"""Sendcloud's states as the reference lists them."""

import pytest

from aftersend.sendcloud.model import ParcelClass
from aftersend.sendcloud.status import parcel_class, picked_up

LISTED = {
    ParcelClass.OPEN: {999, 1001, 1002},
    ParcelClass.LABEL: {1000, 1, 13, 15, 94},
    ParcelClass.TRANSIT: {22, 3, 5, 6, 7, 62990, 91, 92, 62989, 4, 8, 62993, 62994, 62995, 12}
    | {80, 62991, 62992, 62996, 62997},
    ParcelClass.DELIVERED: {11, 93},
    ParcelClass.CANCELLED: {1998, 2000},
    None: {1999, 2001, 1337},
}
CASES = [(status, klass) for klass, ids in LISTED.items() for status in sorted(ids)]


@pytest.mark.parametrize(("status", "klass"), CASES)
def test_each_listed_status_has_its_class(status: int, klass: ParcelClass | None) -> None:
    assert parcel_class(status) is klass


def test_every_other_id_keeps_the_class() -> None:
    listed = {status for status, _ in CASES}
    assert {parcel_class(status) for status in range(-1, 70000) if status not in listed} == {None}


def test_a_collected_parcel_is_delivered_not_cancelled() -> None:
    assert parcel_class(93) is ParcelClass.DELIVERED
    assert parcel_class(12) is ParcelClass.TRANSIT


@pytest.mark.parametrize(
    ("status", "expected"),
    [(22, True), (62990, True), (11, True), (93, True), (1000, False), (94, False), (2000, False), (999, False)],
)
def test_picked_up_means_status_22_or_any_later_way(status: int, *, expected: bool) -> None:
    assert picked_up(parcel_class(status)) is expected


def test_no_class_is_not_picked_up() -> None:
    assert not picked_up(None)
