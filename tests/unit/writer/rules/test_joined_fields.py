"""Fields that hold several numbers or links: whatever these look like, they are never cut, reordered or dropped."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftersend.ledger.entry import Entry
from aftersend.ledger.merge import merge
from aftersend_writer.rules.diff import OrderProblem
from aftersend_writer.rules.ownership import FieldOwnership, OwnText
from tests.support.ledger_kit import CANCELLED, NOW, mac, parcel
from tests.support.modelled_afterbuy import order
from tests.unit.writer.rules.test_diff import diff, round_trip

LONG = " ".join("n" * 100)
"""More pieces than are tried as a value that only its mark is known of."""


def forgotten(known: Entry, *, marks: bool = True) -> Entry:
    """The entry seven days after the order was done; without marks, nothing in the field can be recognised."""
    parcels = {name: state if marks else _unmarked(state) for name, state in known.parcels.items()}
    return msgspec.structs.replace(known, details={}, parcels=parcels)


def _unmarked(state: Any) -> Any:
    return msgspec.structs.replace(state, mark="mac(?)", link_mark=state.link_mark and "mac(?)")


def labelled(known: Entry, place: int, number: str, url: str = "") -> Entry:
    return merge(known, parcel(str(place), number=number, url=url, time=NOW + place), mac)


class TestASecondParcelTwelveDaysLater:
    """The first parcel is known by its mark only."""

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("PS 1 A", "PS 2 B"),
            ("00 340434 464181 52401", "00 340434 464181 52402"),
            ("RR 12 345 678 5 DE", "RR123456786DE"),
            ("1Z 999 AA1 01 2345 6784", "1"),
            ("PS 1 A", "PS 1"),
            ("PS 1 A", "A"),
            ("PS 1", "PS 1 A"),
            ("12,5 kg / 7", "12"),
            ("A,B", "B,C"),
            ("A, B", "B"),
            ("A , B", "A"),
            ("A,", "A"),
            (", 7", "7"),
            (",", ",,"),
            ("x &amp; y", "x & y"),
            ("https://t/p?n=1,2,3", "https://t/p?n=1,2"),
            ("https://t/a b/c", "b/c"),
            ("https://t/#map,48.1,11.5,12z", "https://t/#map,48.1,11.6,12z"),
            (LONG, "n"),
        ],
    )
    @pytest.mark.parametrize("settings", [{}, {"tracking": "link"}, {"link_field": "VorgangsInfo2"}], ids=str)
    def test_stands_beside_the_first(self, first: str, second: str, settings: dict[str, Any]) -> None:
        known, shown = round_trip(labelled(Entry(order="700"), 11, first, first), order(), **settings)
        later = labelled(forgotten(known), 12, second, second)
        known, shown = round_trip(later, shown, **settings)
        assert shown.additional_info == f"{first}, {second}"
        assert shown.vorgangs_infos[1] == (f"{first}, {second}" if "link_field" in settings else "")
        assert known.problem is None
        assert diff(known, shown, **settings).change.is_empty

    @pytest.mark.parametrize("first", ["PS 1 A", "A, B", "https://t/p?n=1,2,3", "one  two", "x;y"])
    def test_is_appended_where_the_first_cannot_be_recognised(self, first: str) -> None:
        known, shown = round_trip(labelled(Entry(order="700"), 11, first), order())
        for place, text in ((12, f"{first}, P 2"), (13, f"{first}, P 2, P 3")):
            later = labelled(forgotten(known, marks=False), place, f"P {place - 10}")
            known, shown = round_trip(later, shown)
            assert (shown.additional_info, known.problem) == (text, None)
            assert diff(known, shown).change.is_empty

    def test_is_found_after_a_crash_behind_what_was_written_before(self) -> None:
        known, shown = round_trip(labelled(Entry(order="700"), 11, "PS 1 A"), order())
        later = labelled(forgotten(known, marks=False), 12, "PS 2 B")
        crashed = replace(shown, additional_info="PS 1 A, PS 2 B")
        result = diff(later, crashed)
        assert (result.change.is_empty, result.problem) == (True, None)
        assert result.texts["AdditionalInfo"] == "PS 1 A, PS 2 B"

    def test_of_two_odd_numbers_the_cancelled_one_goes(self) -> None:
        both = labelled(labelled(Entry(order="700"), 11, "PS 1 A"), 12, "PS 2, B")
        known, shown = round_trip(both, order())
        late = merge(forgotten(known), parcel("11", CANCELLED, time=NOW + 99, number="", url=""), mac)
        assert diff(late, shown).change.additional_info == "PS 2, B"

    def test_a_number_that_returns_without_its_link_adds_no_number_to_the_links(self) -> None:
        known, shown = round_trip(labelled(Entry(order="700"), 11, "A 1", "https://t/a,b"), order(), tracking="link")
        late = labelled(forgotten(known), 11, "A 1")
        assert diff(late, shown, tracking="link").change.is_empty
        assert diff(_unlinked(late), shown, tracking="link").change.is_empty


def _unlinked(known: Entry) -> Entry:
    states = {name: msgspec.structs.replace(state, link_mark="mac(?)") for name, state in known.parcels.items()}
    return msgspec.structs.replace(known, parcels=states)


@pytest.mark.parametrize("edit", ["PS 1", "1 A", "A", "PS", "PS 1 A B", "A 1 PS", "PS 1 A PS 2", "Nachbar, PS 1 A"])
@pytest.mark.parametrize("forget", [False, True])
def test_a_part_of_a_number_is_a_persons_edit(edit: str, *, forget: bool) -> None:
    known, shown = round_trip(labelled(Entry(order="700"), 11, "PS 1 A"), order())
    known = forgotten(known) if forget else known
    result = diff(known, replace(shown, additional_info=edit))
    assert (result.problem, result.change.is_empty) == (OrderProblem("conflict", "AdditionalInfo"), True)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", ()),
        (" , ", ()),
        ("PS 1 A", ("PS 1 A",)),
        (" PS 1 A ,B2,", ("PS 1 A", "B2")),
        ("B2 PS  1   A", ("B2", "PS 1 A")),
        ("PS 1 A B2 PS 1 A", ("PS 1 A", "B2", "PS 1 A")),
        ("https://t/?a=1&amp;b=2,3\nB2", ("https://t/?a=1&b=2,3", "B2")),
        ("old, text, B2", None),
        ("PS 1", None),
    ],
)
def test_a_field_is_divided_into_its_values(text: str, values: tuple[str, ...] | None) -> None:
    ownership = FieldOwnership({"PS 1 A"}, {mac("B2"), mac("https://t/?a=1&b=2,3")}, mac)
    assert ownership.read(text, written=None) == (None if values is None else OwnText(values=values))
    assert ownership.read("old, text, B2", written=mac("old, text")) == OwnText("old, text", ("B2",))


values = st.text("aA1 ,;&/=-", min_size=1, max_size=12).map(str.strip).filter(bool)
steps = st.lists(
    st.tuples(values, values, st.sampled_from(["calm", "forget", "crash"])), min_size=1, max_size=5, unique_by=(
        lambda step: step[0], lambda step: step[1],
    ),
)  # fmt: skip
tracking = st.sampled_from(["number", "link"])


@given(steps, tracking)
def test_numbers_and_links_are_never_cut_or_reordered(history: list[tuple[str, str, str]], tracking: str) -> None:
    setting = {"tracking": tracking, "link_field": "VorgangsInfo1"}
    known, shown = Entry(order="700"), order()
    for place, (number, url, what) in enumerate(history, start=11):
        after, shown = round_trip(labelled(known, place, number, url), shown, **setting)
        assert after.problem is None
        known = {"calm": after, "forget": forgotten(after)}.get(what) or labelled(known, place, number, url)
    numbers, links = [step[0] for step in history], [step[1] for step in history]
    assert shown.additional_info == ", ".join(numbers if tracking == "number" else links)
    assert shown.vorgangs_infos[0] == ", ".join(links)
    assert diff(known, shown, **setting).change.is_empty


@given(steps)
def test_what_cannot_be_recognised_is_appended_to(history: list[tuple[str, str, str]]) -> None:
    known, shown = Entry(order="700"), order()
    for place, (number, _, what) in enumerate(history, start=11):
        before = shown.additional_info
        known, shown = round_trip(labelled(known, place, number), shown)
        assert shown.additional_info.startswith(before)
        assert f", {number}," in f", {shown.additional_info},"
        assert known.problem is None
        known = forgotten(known, marks=False) if what == "forget" else known


@given(st.lists(values, max_size=4), st.text("aA1 ,;&/=-B", max_size=30))
def test_a_text_is_never_taken_for_more_than_it_holds(known: list[str], text: str) -> None:
    own = FieldOwnership(set(known), (), mac).read(text, written=None)
    assert own is None or sum(len(value) for value in own.values) <= len(text)


def test_a_long_note_costs_one_mark_per_piece_and_separator() -> None:
    calls = []

    def counted(text: str) -> str:
        calls.append(text)
        return mac(text)

    text = "bitte warten, " * 200
    assert not FieldOwnership({"A1"}, {mac("B2")}, counted).owns(text, written=mac("C3"))
    assert len(calls) <= 200 * 4 + 2
