"""Whose parcel it is: three ways, in this order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

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

    async def order_of(self, parcel_id: str) -> str | None:
        return self.parcels.get(parcel_id)

    async def get(self, order_id: str) -> Entry | None:
        self.asked.append(order_id)
        return self.entries.get(order_id)


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
    assert await find(event, known) == expected, name
    assert all(asked.isdigit() for asked in known.asked)


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
