"""What stays of an erased order, and that nothing brings more of it back."""

import msgspec
from hypothesis import given
from hypothesis import strategies as some

from aftersend.ledger.changes import LedgerChanges
from aftersend.ledger.entry import Entry, ParcelState
from aftersend.ledger.index import positions
from aftersend.ledger.join import join
from aftersend.ledger.match import Match, match
from aftersend.ledger.merge import merge
from aftersend.ledger.tombstone import tombstone
from tests.support.backup_kit import entries_at
from tests.support.ledger_kit import NOW, mac, parcel

DAY = 86_400_000


@given(entry=entries_at(NOW), further=some.lists(some.integers(1, 99).map(str), max_size=3))
def test_it_holds_ids_and_the_time_of_the_erasure_only(entry: Entry, further: list[str]) -> None:
    left = tombstone(entry, parcels=further, now=NOW)
    ids = {"order": entry.order, "state": "forgotten", "since": NOW, "revision": entry.revision}
    ids |= {"touched": entry.touched, "parcels": {name: {} for name in {*entry.parcels, *further}}}
    assert msgspec.to_builtins(left) == {name: value for name, value in ids.items() if value}
    assert set(positions(left)) == {"orders"}
    assert tombstone(left, parcels=further, now=NOW + DAY) == left, "erasing again changes nothing"


def test_parcels_that_turn_up_later_are_added_and_the_time_stays() -> None:
    left = tombstone(Entry(order="1", parcels={"7": ParcelState(mark="m")}), now=NOW)
    more = tombstone(left, parcels=["8"], now=NOW + DAY)
    assert (set(more.parcels), more.since) == ({"7", "8"}, NOW)


@given(live=entries_at(NOW), saved=entries_at(NOW))
def test_a_tombstone_beats_any_entry_whichever_is_saved(live: Entry, saved: Entry) -> None:
    left = tombstone(saved, now=NOW - DAY)
    assert join(left, live, now=NOW) == left
    joined = join(live, left, now=NOW)
    assert (joined.state, joined.since, joined.touched, joined.revision) == (
        *("forgotten", left.since),
        *(left.touched, live.revision),
    )
    assert set(joined.parcels) == {*live.parcels, *saved.parcels}
    assert not joined.details
    assert not any(parcel.mark or parcel.link_mark for parcel in joined.parcels.values())


def test_no_change_gets_through() -> None:
    """Neither a merge nor a transition of a run that has read the order before."""
    left = tombstone(Entry(order="1"), now=NOW)
    changes = LedgerChanges({"1": lambda entry: merge(entry, parcel(), mac)}, {})
    assert changes.writes({"1": left}, now=NOW) == []
    assert changes.results() == {"1": left}
    stale = LedgerChanges({"1": lambda entry: merge(entry, parcel(), mac)}, {"1": Entry(order="1", revision=3)})
    (write,) = stale.writes({}, now=NOW)
    stale.record([write], [False])
    assert stale.writes({"1": left}, now=NOW) == []
    assert stale.results() == {"1": left}


def test_its_parcels_are_recognised_by_each_of_the_three_ways() -> None:
    left = tombstone(Entry(order="1"), now=NOW)
    assert match(parcel(), known="1", numbered=None) == Match("1")
    assert match(parcel(external_order_id="afterbuy-1"), known=None, numbered=None) == Match("1")
    assert match(parcel(order_number="1"), known=None, numbered=left) == Match("1")
