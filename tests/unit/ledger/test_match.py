"""Whose parcel it is: three ways, in this order."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.errors import AftersendError, Bug
from aftersend.ledger.entry import Entry
from aftersend.ledger.match import Foreign, Match, MatchResult, Unmatched, find, match
from aftersend.sendcloud.model import ParcelEvent
from tests.support.ledger_kit import NOW, parcel


class Known:
    """A ledger that is just two dictionaries."""

    def __init__(self, *, parcels: dict[str, str] | None = None, entries: tuple[Entry, ...] = ()) -> None:
        self.parcels = parcels or {}
        self.entries = {entry.order: entry for entry in entries}
        self.asked: list[str] = []

    async def orders_of(self, parcel_ids: Sequence[str]) -> dict[str, str]:
        return {parcel: self.parcels[parcel] for parcel in parcel_ids if parcel in self.parcels}

    async def get_each(self, order_ids: Sequence[str]) -> dict[str, Entry | AftersendError | None]:
        self.asked += order_ids
        return {order: self.entries.get(order) for order in order_ids}


SENT = Entry(order="700", state="accepted", pushed=NOW)
NEVER_SENT = Entry(order="700", watched=1)
REJECTED = Entry(order="700", state="problem", pushed=1)


def having(entry: Entry) -> Known:
    return Known(entries=(entry,))


@pytest.mark.parametrize(
    ("name", "event", "known", "expected"),
    [
        ("known parcel first", parcel(external_order_id="afterbuy-9"), Known(parcels={"11": "700"}), Match("700")),
        ("even with a foreign id", parcel(external_order_id="shop-9"), Known(parcels={"11": "700"}), Match("700")),
        ("our prefix", parcel(external_order_id="afterbuy-701"), Known(), Match("701")),
        ("it beats numbers", parcel(external_order_id="afterbuy-701", order_number="700"), having(SENT), Match("701")),
        ("our prefix, no order", parcel(external_order_id="afterbuy-x1"), Known(), Foreign()),
        ("our prefix, nothing", parcel(external_order_id="afterbuy-"), Known(), Foreign()),
        ("our prefix, endless", parcel(external_order_id="afterbuy-" + "7" * 5000), Known(), Foreign()),
        ("our prefix, zero", parcel(external_order_id="afterbuy-0"), Known(), Foreign()),
        ("a foreign id", parcel(external_order_id="shop-9", order_number="700"), having(SENT), Foreign()),
        ("number", parcel(order_number="700"), having(SENT), Match("700")),
        ("own id is no id", parcel(external_order_id="11", order_number="700"), having(SENT), Match("700")),
        ("never sent", parcel(order_number="700"), having(NEVER_SENT), Unmatched()),
        ("sent once, a problem now", parcel(order_number="700"), having(REJECTED), Match("700")),
        ("number of no order", parcel(order_number="702"), having(SENT), Unmatched()),
        ("no word at all", parcel(), having(SENT), Unmatched()),
        ("not a number", parcel(order_number="700:sealed"), having(SENT), Unmatched()),
        ("digits of another script", parcel(order_number="٧٠٠"), having(SENT), Unmatched()),
    ],
)  # fmt: skip
async def test_ways(name: str, event: ParcelEvent, known: Known, expected: MatchResult) -> None:
    assert await find([event], known) == [expected], name
    assert all(asked.isdigit() for asked in known.asked)


async def test_events_of_one_parcel_help_each_other() -> None:
    """As they would one after the other, whichever comes first."""
    named, silent, foreign = parcel(external_order_id="afterbuy-700"), parcel(), parcel("12", external_order_id="x")
    for events in ([named, silent, foreign], [silent, named, foreign], [foreign, silent, named]):
        found = await find(events, Known())
        assert [found[events.index(event)] for event in (named, silent, foreign)] == [
            Match("700"),
            Match("700"),
            Foreign(),
        ]


async def test_an_entry_that_cannot_be_read_leaves_other_events_alone() -> None:
    ledger = Known()
    ledger.entries["701"] = Bug("ledger_unreadable")  # type: ignore[assignment]
    events = [parcel(order_number="701"), parcel("12", external_order_id="afterbuy-700")]
    unread, matched = await find(events, ledger)
    assert isinstance(unread, Bug)
    assert matched == Match("700")


texts = st.sampled_from(["", "11", "afterbuy-700", "afterbuy-701", "shop-1", "700", "701", "x"])


@given(texts, texts, st.sampled_from([None, "700", "701"]), st.sampled_from([None, SENT]))
def test_a_match_always_has_a_reason(external: str, number: str, known: str | None, numbered: Entry | None) -> None:
    result = match(parcel(external_order_id=external, order_number=number), known=known, numbered=numbered)
    if isinstance(result, Match):
        reasons = {known, external.removeprefix("afterbuy-"), numbered.order if numbered else None}
        assert result.order in reasons
        assert known in {None, result.order}
    if known is None and external == "shop-1":
        assert result == Foreign()
