"""Joining an entry of a backup with the one that is there."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from aftersend.ledger.entry import Entry, Held, ParcelDetails, ParcelState, Problem, ProblemTag, TimedValue
from aftersend.ledger.join import join
from aftersend.ledger.merge import merge
from aftersend.sendcloud.model import ParcelClass
from tests.support.backup_kit import entries_at
from tests.support.ledger_kit import CANCELLED, DELIVERED, LABEL, NOW, mac, parcel

LATER = NOW + 3_600_000


def _merged(entry: Entry, *events: Any) -> Entry:
    for event in events:
        entry = merge(entry, event, mac)
    return entry


_event = some.builds(
    lambda name, status, time, number: parcel(name, status, time=time, number=number),
    some.sampled_from(["11", "12", "13"]),
    some.sampled_from([LABEL, CANCELLED, DELIVERED]),
    some.integers(NOW - 1000, NOW),
    some.sampled_from(["", "N1", "N2"]),
)


@given(before=some.lists(_event, max_size=5), after=some.lists(_event, max_size=5))
def test_a_descendant_learns_nothing_from_its_ancestor(before: list[Any], after: list[Any]) -> None:
    saved = _merged(Entry(order="1", state="confirmed", pushed=NOW, ticks=frozenset()), *before)
    live = _merged(msgspec.structs.replace(saved, ticks=frozenset({"tag"})), *after)
    assert join(live, saved, now=LATER) == live


@given(before=some.lists(_event, max_size=5), after=some.lists(_event, max_size=5))
def test_a_ledger_that_began_anew_knows_in_the_end_what_one_that_saw_all_knows(
    before: list[Any], after: list[Any]
) -> None:
    whole = _merged(Entry(order="1"), *before, *after)
    joined = join(_merged(Entry(order="1"), *after), _merged(Entry(order="1"), *before), now=LATER)
    assert (joined.parcels, joined.details) == (whole.parcels, whole.details)
    if whole.state == "labelled":
        assert joined.state == "labelled", "the reverse depends on the order of arrival, in merge, too"


@given(live=entries_at(NOW), saved=entries_at(NOW))
def test_joining_twice_is_joining_once(live: Entry, saved: Entry) -> None:
    once = join(live, saved, now=LATER)
    assert join(once, saved, now=LATER) == once
    assert once.ticks >= live.ticks | saved.ticks
    assert once.observed in (live.observed, live.observed + 1)
    assert once.applied == live.applied


def test_an_old_number_comes_back_beside_the_new_one_and_lags_until_the_sweep_has_reported_all() -> None:
    saved = _merged(Entry(order="1", state="confirmed", pushed=NOW), parcel("11", number="OLD"))
    live = _merged(Entry(order="1"), parcel("12", number="NEW", time=NOW + 60_000, received=NOW + 61_000))
    joined = join(live, saved, now=LATER)
    assert joined.live == ["11", "12"]
    assert joined.observed > joined.applied
    cancelled = _merged(joined, parcel("11", CANCELLED, time=NOW + 59_000, received=LATER, number=""))
    assert cancelled.live == ["12"]


@pytest.mark.parametrize(
    ("live", "state"),
    [
        (Entry(order="1"), "confirmed"),
        (Entry(order="1", watched=NOW), "confirmed"),
        (Entry(order="1", state="pushing"), "pushing"),
        (Entry(order="1", state="new", pushed=NOW), "new"),
        (Entry(order="1", state="labelled"), "labelled"),
        (Entry(order="1", state="new", problem=Problem(code="given_up", since=NOW)), "new"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.state} {value.pushed and 'pushed'}",
)
def test_the_way_to_sendcloud_is_the_saved_one_only_if_the_live_one_knows_none(live: Entry, state: str) -> None:
    saved = Entry(order="1", state="confirmed", since=5, pushed=NOW, fingerprint="f")
    joined = join(live, saved, now=LATER)
    assert joined.state == state
    assert (joined.fingerprint == "f") == (state == "confirmed")


def test_why_an_order_is_held_comes_back_with_its_way_to_sendcloud_and_goes_with_a_label() -> None:
    held = Held(reason="unpaid", since=5)
    saved = Entry(order="1", state="problem", problem=Problem(code="rejected", since=5), held=held)
    assert join(Entry(order="1"), saved, now=LATER).held == held
    assert _merged(saved, parcel()).held is None


def test_what_a_done_order_has_rightly_forgotten_stays_forgotten() -> None:
    known = ParcelState(klass=ParcelClass.DELIVERED, time=NOW, mark="m")
    live = Entry(order="1", state="labelled", parcels={"11": known})
    details = {"11": ParcelDetails(number=TimedValue("N1", NOW))}
    assert join(live, msgspec.structs.replace(live, details=details), now=LATER) == live


def test_a_problems_tag_of_either_is_known() -> None:
    live, saved = ProblemTag("a", "rejected", 2), ProblemTag("b", "rejected", 1)
    known, old = Entry(order="1", problem_tag=live), Entry(order="1", problem_tag=saved)
    assert join(known, old, now=NOW).problem_tag == live
    assert join(Entry(order="1"), old, now=NOW).problem_tag == saved
    assert join(known, Entry(order="1"), now=NOW) == known
