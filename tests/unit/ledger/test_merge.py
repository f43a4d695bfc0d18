"""Merging: a join, so that no order of arrival can matter."""

from functools import reduce
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.ledger.entry import Entry, Notice, ParcelDetails, Problem
from aftersend.ledger.merge import merge
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from tests.support.ledger_kit import (
    CANCELLATION_FAILED,
    CANCELLED,
    DELIVERED,
    LABEL,
    NOW,
    PICKED_UP,
    UNKNOWN,
    mac,
    parcel,
)

OPEN = 999
ENTRY = Entry(order="700")


def merged(*events: ParcelEvent, entry: Entry = ENTRY) -> Entry:
    return reduce(lambda known, event: merge(known, event, mac), events, entry)


def klass(*events: ParcelEvent) -> ParcelClass:
    return merged(*events).parcels["11"].klass


events = st.builds(
    ParcelEvent,
    parcel=st.sampled_from(["9", "11"]),
    status=st.sampled_from(
        [OPEN, LABEL, 13, PICKED_UP, 4, DELIVERED, CANCELLED, CANCELLATION_FAILED, UNKNOWN, 1999, 5555, -1]
    ),
    received=st.integers(NOW, NOW + 3),
    time=st.none() | st.integers(NOW - 3, NOW + 3),
    number=st.sampled_from(["", "A1", "B2"]),
    url=st.sampled_from(["", "https://a", "https://b"]),
    carrier=st.sampled_from(["", "dhl", "ups"]),
    collo=st.integers(0, 2),
    is_return=st.booleans(),
)


@given(
    st.lists(events, max_size=8).flatmap(lambda es: st.tuples(st.just(es), st.permutations(es + es[: len(es) // 2])))
)
def test_order_and_repetition_do_not_matter(arrivals: tuple[list[ParcelEvent], list[ParcelEvent]]) -> None:
    calm, wild = (merged(*sequence) for sequence in arrivals)
    assert wild.parcels == calm.parcels
    assert wild.details == calm.details
    assert wild.live == calm.live


@given(st.lists(events, min_size=1, max_size=6))
def test_merging_it_again_changes_nothing_at_all(sequence: list[ParcelEvent]) -> None:
    entry = merged(*sequence)
    assert all(merge(entry, event, mac) is entry for event in sequence)


@pytest.mark.parametrize(
    ("winner", "loser"), list(pairwise([CANCELLATION_FAILED, CANCELLED, DELIVERED, PICKED_UP, LABEL, OPEN]))
)
def test_at_equal_times_the_rank_decides(winner: int, loser: int) -> None:
    both = parcel(status=winner), parcel(status=loser)
    assert klass(*both) == klass(*reversed(both)) == klass(both[0])


@pytest.mark.parametrize(
    ("name", "history", "expected"),
    [
        ("a later label beats an earlier delivery", [(DELIVERED, 1), (LABEL, 2)], ParcelClass.LABEL),
        ("a late message of the past changes nothing", [(CANCELLED, 5), (LABEL, 1)], ParcelClass.CANCELLED),
        ("a failed cancellation revives", [(LABEL, 1), (CANCELLED, 5), (CANCELLATION_FAILED, 6)], ParcelClass.LABEL),
        ("and can be cancelled again", [(CANCELLATION_FAILED, 6), (CANCELLED, 7)], ParcelClass.CANCELLED),
        ("an unknown status keeps the class", [(PICKED_UP, 1), (5555, 9)], ParcelClass.TRANSIT),
        ("and does not move its time", [(LABEL, 1), (5555, 9), (PICKED_UP, 2)], ParcelClass.TRANSIT),
        ("a requested cancellation is none", [(LABEL, 1), (1999, 9), (PICKED_UP, 2)], ParcelClass.TRANSIT),
    ],
)
def test_the_class_is_that_of_the_latest_time(name: str, history: list[tuple[int, int]], expected: ParcelClass) -> None:
    events = [parcel(status=status, time=NOW + at, received=NOW + 100) for status, at in history]
    assert klass(*events) is klass(*reversed(events)) is expected, name


def test_a_missing_time_is_that_of_receipt_and_loses_ties() -> None:
    assumed = parcel(status=CANCELLED, time=None, received=NOW)
    assert klass(assumed, parcel(status=LABEL, time=NOW)) is ParcelClass.LABEL
    assert klass(parcel(status=LABEL, time=NOW - 1), assumed) is ParcelClass.CANCELLED
    assert merged(assumed).parcels["11"].assumed


def test_a_time_in_the_future_counts_as_received() -> None:
    assert merged(parcel(time=NOW + 9_999_999, received=NOW)).parcels["11"].time == NOW


@pytest.mark.parametrize("field", ["number", "url", "carrier"])
def test_nothing_never_replaces_something(field: str) -> None:
    entry = merged(parcel(), parcel(time=NOW + 5, **{field: ""}))
    assert getattr(entry.details["11"], field) == getattr(merged(parcel()).details["11"], field)


@pytest.mark.parametrize("field", ["number", "url", "carrier"])
def test_the_later_text_wins(field: str) -> None:
    old, new = parcel(**{field: "old"}), parcel(time=NOW + 1, received=NOW + 2, **{field: "new"})
    for entry in (merged(old, new), merged(new, old)):
        assert getattr(entry.details["11"], field).value == "new"


def test_once_a_return_always_a_return() -> None:
    entry = merged(parcel(is_return=True), parcel(time=NOW + 1))
    assert entry.parcels["11"].is_return
    assert entry.live == []
    assert entry.observed == 0


def test_live_parcels_stand_in_parcel_order() -> None:
    entry = merged(
        *(parcel(p, collo=collo) for p, collo in [("100", 1), ("99", 1), ("300", 0)]),
        parcel("5", CANCELLED),
        parcel("6", number=""),
    )
    assert entry.live == ["300", "99", "100"]


@pytest.mark.parametrize(
    ("name", "event", "raised"),
    [
        ("the same again", parcel(), False),
        ("no number yet", parcel("12", OPEN, number=""), False),
        ("another parcel", parcel("12"), True),
        ("cancelled", parcel(status=CANCELLED, time=NOW + 1), True),
        ("picked up", parcel(status=PICKED_UP, time=NOW + 1), True),
        ("late, but nothing new", parcel(status=13, time=NOW + 1), False),
        ("a link", parcel(url="https://other", time=NOW + 1), True),
        ("a carrier", parcel(carrier="ups", time=NOW + 1), True),
        ("a cancelled one never seen before", parcel("12", CANCELLED), False),
        ("a return", parcel("12", is_return=True), False),
    ],
)
def test_observed_rises_exactly_if_afterbuy_may_have_to_show_it(name: str, event: ParcelEvent, raised: bool) -> None:  # noqa: FBT001 - a column of the table
    before = msgspec.structs.replace(merged(parcel()), applied=1, lagging=0)
    after = merge(before, event, mac)
    assert (after.observed > before.observed) is raised, name
    assert (after.lagging == event.received) is raised


def test_the_way_to_the_customer_is_no_reason_to_write_where_it_is_not_configured() -> None:
    before = merged(parcel())
    after = merge(before, parcel(status=PICKED_UP, time=NOW + 1), mac, pickup_matters=False)
    assert after.observed == before.observed
    assert after.parcels["11"].is_picked_up


def test_lagging_counts_from_the_first_change() -> None:
    assert merged(parcel(received=NOW + 5), parcel("12", received=NOW + 9)).lagging == NOW + 5


@pytest.mark.parametrize("code", ["rejected", "not_saved", "deleted_in_sendcloud", "given_up", "too_late"])
def test_a_label_ends_the_way_to_sendcloud_and_what_hindered_it(code: str) -> None:
    waiting = Entry(order="700", state="problem", watched=5, problem=Problem(code=code, since=1))  # type: ignore[arg-type]
    labelled = merged(parcel(), entry=waiting)
    assert (labelled.state, labelled.watched, labelled.problem, labelled.since) == ("labelled", 0, None, NOW + 1000)


def test_a_problem_of_the_order_itself_outlives_its_label() -> None:
    changed = Problem(code="changed_after_transfer", since=1)
    assert merged(parcel(), entry=Entry(order="700", problem=changed)).problem == changed
    withdrawn = Entry(order="700", state="labelled", problem=Problem(code="rejected", since=1))
    assert merged(parcel(), entry=withdrawn).problem is not None


def test_marks_outlive_the_sealed_part() -> None:
    known = merged(parcel())
    forgotten = msgspec.structs.replace(known, details={})
    late = merge(forgotten, parcel(status=DELIVERED, time=NOW + 9, number="", url="", carrier=""), mac)
    assert late.parcels["11"].mark == known.parcels["11"].mark
    assert late.live == ["11"]
    assert late.details == {}
    assert ParcelDetails() not in late.details.values()


def test_a_label_ends_the_notices() -> None:
    noticed = msgspec.structs.replace(ENTRY, notices=(Notice("state_missing", NOW, "x"),))
    assert merged(parcel("11", OPEN, number=""), entry=noticed).notices
    assert merged(parcel("11", LABEL), entry=noticed).notices == ()
