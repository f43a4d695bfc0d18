"""Which change of an entry counts in which field of the day."""

import msgspec
import pytest

from aftersend.ledger.day_counters import counted, rounded
from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from tests.support.ledger_kit import CANCELLED, NOW, mac, parcel

replace = msgspec.structs.replace
NEW = Entry(order="1")
PUSHING = replace(NEW, state="pushing", fingerprint="f")
ACCEPTED = replace(PUSHING, state="accepted", pushed=NOW)
LABELLED = merge(ACCEPTED, parcel(), mac)
WRITTEN = replace(LABELLED, applied=LABELLED.observed, written={"AdditionalInfo": "m"})
LABELLED_EARLY = merge(PUSHING, parcel(), mac)
REBUILT = merge(NEW, parcel(), mac)


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        (NEW, PUSHING, []),
        (PUSHING, ACCEPTED, ["sent"]),
        (ACCEPTED, replace(ACCEPTED, state="confirmed"), []),
        (ACCEPTED, replace(ACCEPTED, state="pushing"), []),
        (replace(ACCEPTED, state="pushing"), replace(ACCEPTED, pushed=NOW + 1), []),
        (ACCEPTED, LABELLED, ["labelled"]),
        (PUSHING, LABELLED_EARLY, ["sent", "labelled"]),
        (LABELLED, merge(LABELLED, parcel("12"), mac), []),
        (LABELLED, merge(LABELLED, parcel(status=CANCELLED, time=NOW + 5), mac), []),
        (LABELLED, WRITTEN, ["written", "took:4"]),
        (WRITTEN, replace(WRITTEN, written={"AdditionalInfo": "other"}), []),
        (NEW, REBUILT, []),
        (REBUILT, replace(REBUILT, written={"AdditionalInfo": "m"}), []),
    ],
)
def test_an_order_counts_once_as_it_goes_its_way(before: Entry, after: Entry, fields: list[str]) -> None:
    assert list(counted(before, after, now=NOW + 4999)) == fields


def test_the_time_to_afterbuy_begins_at_the_label_however_late_it_was_heard_of() -> None:
    late = merge(ACCEPTED, parcel(received=NOW + 600_000), mac)
    assert list(counted(late, replace(late, written={"a": "b"}), now=NOW + 610_000))[1] == "took:610"
    without_time = merge(ACCEPTED, parcel(time=None, received=NOW + 600_000), mac)
    assert list(counted(late, replace(without_time, written={"a": "b"}), now=NOW + 610_000)) == ["written", "took:10"]


def test_a_day_has_few_different_times() -> None:
    assert [rounded(seconds) for seconds in (-5, 0, 1, 99, 100, 101, 119, 120, 3599, 10**9)] == [
        *(1, 1, 1, 99, 100, 110, 120, 120, 3600, 1_000_000)
    ]
    assert len({rounded(seconds) for seconds in range(90_000)}) < 400
