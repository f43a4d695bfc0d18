"""The diff and the ledger updates of the write-back, as tables and as properties."""
# ruff: noqa: E501 - a row of a table is a line

from datetime import UTC, datetime
from functools import reduce
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftersend.afterbuy.model import Order, OrderChange, ParcelLabel
from aftersend.ledger.entry import Entry, Problem
from aftersend.ledger.merge import merge
from aftersend.sendcloud.model import ParcelEvent
from aftersend.tenant.document import WriteBack
from aftersend_writer.rules.diff import Diff, OrderProblem, Rules, compare
from aftersend_writer.rules.ledger_updates import ORDER_GONE, Observation, applied, needs_recheck, observe
from tests.support.ledger_kit import CANCELLATION_FAILED, CANCELLED, DELIVERED, LABEL, NOW, PICKED_UP, mac, parcel
from tests.support.modelled_afterbuy import after, order

TODAY = datetime(2026, 11, 24, 9, 5, tzinfo=UTC)
TAG = "Sendcloud abgeschlossen"
A, B = "A1", "B2"
FIRST = parcel("11", number=A, url="https://t/a?x=1&copy=2", carrier="dhl_de")
SECOND = parcel("12", number=B, url="https://t/b", carrier="ups")
GONE_FIRST = parcel("11", CANCELLED, time=NOW + 5, number=A)


def entry(*events: ParcelEvent, **fields: Any) -> Entry:
    observed = reduce(lambda known, event: merge(known, event, mac), events, Entry(order="700"))
    return msgspec.structs.replace(observed, **fields)


def diff(known: Entry, shown: Order, *, full: bool = False, **settings: Any) -> Diff:
    return compare(known, shown, Rules(WriteBack(**settings), mac, lambda: TODAY), full=full)


def round_trip(known: Entry, shown: Order, **settings: Any) -> tuple[Entry, Order]:
    """As the writer does: read, write, read again, store what is shown."""
    shown = after(shown, diff(known, shown, **settings).change)
    seen = observe(known, diff(known, shown, **settings), WriteBack(**settings))
    return applied(known, seen, mac=mac, now=NOW), shown


NOTHING = OrderChange(order_id="700")


@pytest.mark.parametrize(
    ("name", "events", "shown", "settings", "expected"),
    [
        ("number, carrier, tag", [FIRST], {}, {}, {"additional_info": A, "delivery_service": "DHL", "add_tags": (TAG,)}),
        ("two parcels in parcel order", [SECOND, FIRST], {}, {}, {"additional_info": "A1, B2", "delivery_service": "DHL, UPS", "add_tags": (TAG,)}),
        ("collo before parcel id", [parcel("11", number=A, collo=1), parcel("12", number=B)], {}, {"tag": ""}, {"additional_info": "B2, A1", "delivery_service": "DHL"}),
        ("parcel ids are numbers", [parcel("100", number=A), parcel("99", number=B)], {}, {"tag": ""}, {"additional_info": "B2, A1", "delivery_service": "DHL"}),
        ("each carrier once", [FIRST, parcel("12", number=B, carrier="dhl")], {}, {"tag": ""}, {"additional_info": "A1, B2", "delivery_service": "DHL"}),
        ("the same number once", [FIRST, parcel("12", number=A, carrier="dhl")], {}, {"tag": ""}, {"additional_info": A, "delivery_service": "DHL"}),
        ("the merchant's own name", [FIRST], {}, {"tag": "", "carriers": {"DHL_DE": "DHL Paket"}}, {"additional_info": A, "delivery_service": "DHL Paket"}),
        ("an unknown carrier as it is", [parcel(number=A, carrier="drohne")], {}, {"tag": ""}, {"additional_info": A, "delivery_service": "drohne"}),
        ("no carrier known", [parcel(number=A, carrier="")], {}, {"tag": ""}, {"additional_info": A}),
        ("links instead of numbers", [FIRST, SECOND], {}, {"tag": "", "tracking": "link"}, {"additional_info": "https://t/a?x=1&copy=2, https://t/b", "delivery_service": "DHL, UPS"}),
        ("no link known: the number", [parcel(number=A, url="")], {}, {"tag": "", "tracking": "link"}, {"additional_info": A, "delivery_service": "DHL"}),
        ("a link field in addition", [FIRST], {}, {"tag": "", "link_field": "VorgangsInfo2"}, {"additional_info": A, "delivery_service": "DHL", "vorgangs_info": (2, "https://t/a?x=1&copy=2")}),
        ("a cancelled parcel is not live", [FIRST, SECOND, GONE_FIRST], {}, {"tag": ""}, {"additional_info": B, "delivery_service": "UPS"}),
        ("a failed cancellation is", [FIRST, GONE_FIRST, parcel("11", CANCELLATION_FAILED, time=NOW + 6, number=A, carrier="")], {}, {"tag": ""}, {"additional_info": A, "delivery_service": "DHL"}),
        ("a return is not live", [FIRST, parcel("12", is_return=True)], {}, {"tag": ""}, {"additional_info": A, "delivery_service": "DHL"}),
        ("no number yet", [parcel(number="")], {}, {}, {}),
        ("cancelled before it was written", [GONE_FIRST], {}, {}, {}),
        ("all there already", [FIRST], {"additional_info": A, "delivery_service": "DHL", "tags": frozenset({TAG})}, {}, {}),
        ("the tag in other letters", [FIRST], {"additional_info": A, "delivery_service": "DHL", "tags": frozenset({TAG.upper()})}, {}, {}),
        ("only the tag is missing", [FIRST], {"additional_info": A, "delivery_service": "DHL"}, {}, {"add_tags": (TAG,)}),
        ("a carrier set before goes with the number", [FIRST], {"delivery_service": "Spedition"}, {"tag": ""}, {"additional_info": A, "delivery_service": "DHL"}),
        ("a carrier changed by a person stays with its number", [FIRST], {"additional_info": A, "delivery_service": "Spedition"}, {"tag": ""}, {}),
        ("a number relabelled", [FIRST, GONE_FIRST, SECOND], {"additional_info": A, "delivery_service": "DHL"}, {"tag": ""}, {"additional_info": B, "delivery_service": "UPS"}),
        ("other spacing is ours", [FIRST, SECOND], {"additional_info": " A1 ,B2 "}, {"tag": ""}, {"additional_info": "A1, B2", "delivery_service": "DHL, UPS"}),
        ("a link with entities is the same", [FIRST], {"additional_info": "https://t/a?x=1&amp;copy=2", "delivery_service": "DHL"}, {"tag": "", "tracking": "link"}, {}),
        ("shipped with the label", [FIRST], {}, {"tag": "", "mark_shipped": "onLabel"}, {"additional_info": A, "delivery_service": "DHL", "dispatched_at": TODAY}),
        ("not before the pick-up", [FIRST], {}, {"tag": "", "mark_shipped": "onPickup"}, {"additional_info": A, "delivery_service": "DHL"}),
        ("at the pick-up", [FIRST, parcel("11", PICKED_UP, time=NOW + 1, number=A, carrier="")], {}, {"tag": "", "mark_shipped": "onPickup"}, {"additional_info": A, "delivery_service": "DHL", "dispatched_at": TODAY}),
        ("or any later way", [parcel("11", DELIVERED, number=A)], {}, {"tag": "", "mark_shipped": "onPickup"}, {"additional_info": A, "delivery_service": "DHL", "dispatched_at": TODAY}),
        ("never over a date", [FIRST], {"dispatched_at": datetime(2026, 1, 1, tzinfo=UTC)}, {"tag": "", "mark_shipped": "onLabel"}, {"additional_info": A, "delivery_service": "DHL"}),
        ("labels at the first item", [FIRST, SECOND], {}, {"tag": "", "parcel_labels": True}, {"additional_info": "A1, B2", "delivery_service": "DHL, UPS", "parcel_labels": (ParcelLabel("41", "1", A), ParcelLabel("41", "2", B))}),
        ("labels there already", [FIRST], {"parcel_labels": (ParcelLabel("41", "1", A),)}, {"tag": "", "parcel_labels": True}, {"additional_info": A, "delivery_service": "DHL"}),
        ("an order without items gets none", [FIRST], {"items": ()}, {"tag": "", "parcel_labels": True}, {"additional_info": A, "delivery_service": "DHL"}),
        ("blank tag", [FIRST], {}, {"tag": "  "}, {"additional_info": A, "delivery_service": "DHL"}),
    ],
)  # fmt: skip
def test_what_is_written(
    name: str, events: list[ParcelEvent], shown: dict[str, Any], settings: dict[str, Any], expected: dict[str, Any]
) -> None:
    result = diff(entry(*events), order(**shown), **settings)
    assert result.change == replace(NOTHING, **expected), name
    assert result.problem is None


@pytest.mark.parametrize(
    ("name", "events", "shown", "settings", "problem"),
    [
        ("a word in the field", [FIRST], {"additional_info": "warten"}, {}, OrderProblem("conflict", "AdditionalInfo")),
        ("a word beside our number", [FIRST], {"additional_info": "A1 Nachbar"}, {}, OrderProblem("conflict", "AdditionalInfo")),
        ("a foreign number", [FIRST], {"additional_info": "Z9"}, {}, OrderProblem("conflict", "AdditionalInfo")),
        ("a foreign number beside ours", [FIRST], {"additional_info": "A1, Z9"}, {}, OrderProblem("conflict", "AdditionalInfo")),
        ("a word in the link field", [FIRST], {"vorgangs_infos": ("", "", "Rampe 3")}, {"link_field": "VorgangsInfo3"}, OrderProblem("conflict", "VorgangsInfo3")),
        ("a foreign label", [FIRST], {"parcel_labels": (ParcelLabel("41", "1", "Z9"),)}, {"parcel_labels": True}, OrderProblem("conflict", "ParcelLabels")),
        ("the last one is cancelled", [FIRST, GONE_FIRST], {"additional_info": A}, {}, OrderProblem("withdrawn")),
        ("all are cancelled", [FIRST, SECOND, GONE_FIRST, parcel("12", CANCELLED, time=NOW + 5, number=B)], {"additional_info": "A1, B2", "tags": frozenset({TAG})}, {}, OrderProblem("withdrawn")),
    ],
)  # fmt: skip
def test_what_a_person_must_know(
    name: str, events: list[ParcelEvent], shown: dict[str, Any], settings: dict[str, Any], problem: OrderProblem
) -> None:
    result = diff(entry(*events), order(**shown), **settings)
    assert result.problem == problem, name
    assert result.change.is_empty


@pytest.mark.parametrize(
    ("name", "events", "shown"),
    [
        ("the field is empty again", [FIRST, GONE_FIRST], {}),
        ("a person took over", [FIRST, GONE_FIRST], {"additional_info": "Abholung"}),
        ("nothing but a return", [parcel(is_return=True)], {"additional_info": "x"}),
        ("no parcel at all", [], {"additional_info": "x"}),
    ],
)
def test_without_live_parcels_nothing_happens(name: str, events: list[ParcelEvent], shown: dict[str, Any]) -> None:
    assert diff(entry(*events), order(**shown)) == Diff(NOTHING), name


def test_what_we_wrote_is_ours_even_if_we_know_it_no_more() -> None:
    known = entry(FIRST, written={"AdditionalInfo": mac("OLD-1")})
    assert diff(known, order(additional_info="OLD-1"), tag="").change.additional_info == A


def test_a_tag_that_a_person_removed_stays_away() -> None:
    known, shown = round_trip(entry(FIRST), order())
    assert shown.tags == {TAG}
    relabelled = merge(merge(known, GONE_FIRST, mac), SECOND, mac)
    known, shown = round_trip(relabelled, replace(shown, tags=frozenset()))
    assert (shown.additional_info, shown.tags) == (B, frozenset())


def test_a_dispatch_date_that_a_person_removed_stays_away() -> None:
    known, shown = round_trip(entry(FIRST), order(), mark_shipped="onLabel")
    assert shown.dispatched_at == TODAY
    known, shown = round_trip(merge(known, SECOND, mac), replace(shown, dispatched_at=None), mark_shipped="onLabel")
    assert (shown.additional_info, shown.dispatched_at) == ("A1, B2", None)


def test_our_carrier_follows_its_parcel_a_persons_does_not() -> None:
    known, shown = round_trip(entry(FIRST), order())
    corrected = merge(known, parcel("11", number=A, carrier="dpd", time=NOW + 1), mac)
    assert diff(corrected, shown).change == replace(NOTHING, delivery_service="DPD")
    assert diff(corrected, replace(shown, delivery_service="Spedition")).change.is_empty


def test_the_withdrawn_number_is_replaced_by_the_next_label() -> None:
    known, shown = round_trip(entry(FIRST), order())
    known, shown = round_trip(merge(known, GONE_FIRST, mac), shown)
    assert known.problem == Problem(code="withdrawn", since=NOW)
    assert (shown.additional_info, shown.tags) == (A, {TAG})
    known, shown = round_trip(merge(known, SECOND, mac), shown)
    assert (shown.additional_info, known.problem) == (B, None)


class TestAfterTheSealedPartHasGone:
    """Seven days after an order is done its numbers are known by their marks only."""

    def forgotten(self, *events: ParcelEvent, **settings: Any) -> tuple[Entry, Order]:
        known, shown = round_trip(entry(*events), order(), **settings)
        return msgspec.structs.replace(known, details={}), shown

    def test_a_late_word_of_the_same_parcel_changes_nothing(self) -> None:
        known, shown = self.forgotten(FIRST, SECOND)
        late = merge(known, parcel("11", DELIVERED, time=NOW + 9, number="", url="", carrier=""), mac)
        assert diff(late, shown).change.is_empty

    def test_a_new_parcel_joins_the_numbers_of_the_field(self) -> None:
        known, shown = self.forgotten(FIRST)
        change = diff(merge(known, SECOND, mac), shown).change
        assert change == replace(NOTHING, additional_info="A1, B2"), "the carrier of the first is not known any more"

    def test_one_of_two_is_cancelled(self) -> None:
        known, shown = self.forgotten(FIRST, SECOND)
        assert diff(merge(known, GONE_FIRST, mac), shown).change.additional_info == B

    def test_links_are_recovered_too(self) -> None:
        known, shown = self.forgotten(FIRST, SECOND, tracking="link", link_field="VorgangsInfo1")
        change = diff(merge(known, GONE_FIRST, mac), shown, tracking="link", link_field="VorgangsInfo1").change
        assert (change.additional_info, change.vorgangs_info) == ("https://t/b", (1, "https://t/b"))

    def test_what_cannot_be_recovered_is_no_reason_to_drop_what_is_there(self) -> None:
        known, shown = self.forgotten(FIRST)
        assert diff(merge(known, SECOND, mac), replace(shown, additional_info="")).change.additional_info == B

    def test_labels_wait_until_every_number_is_known(self) -> None:
        known, shown = self.forgotten(FIRST)
        change = diff(merge(known, SECOND, mac), replace(shown, additional_info=""), parcel_labels=True).change
        assert change.parcel_labels == ()

    def test_a_persons_edit_is_still_seen(self) -> None:
        known, shown = self.forgotten(FIRST)
        assert diff(known, replace(shown, additional_info="Z9")).problem == OrderProblem("conflict", "AdditionalInfo")


def test_applied_is_the_revision_that_was_read() -> None:
    known = entry(FIRST)
    seen = observe(known, diff(known, order()), WriteBack())
    newer = merge(known, SECOND, mac)
    later = applied(newer, seen, mac=mac, now=NOW)
    assert (later.applied, later.observed, later.lagging) == (1, 2, newer.lagging)
    assert applied(known, seen, mac=mac, now=NOW).is_done


def test_only_what_is_shown_is_noted_as_tick() -> None:
    known = entry(FIRST)
    refused = observe(known, diff(known, order()), WriteBack(), problem=OrderProblem("tag_refused"))
    assert applied(known, refused, mac=mac, now=NOW).ticks == frozenset()
    tags, date = {"tags": frozenset({TAG})}, {"dispatched_at": TODAY}
    assert observe(known, diff(known, order(**tags, **date)), WriteBack()).ticks == {"tag"}
    picked = WriteBack(tag="", mark_shipped="onPickup")
    assert observe(known, diff(known, order(**tags, **date)), picked).ticks == {"shipped"}


def test_an_order_that_lost_what_was_written_gets_everything_again() -> None:
    known = entry(FIRST)
    lost = order(dispatched_at=TODAY, tags=frozenset({TAG}))
    again = diff(known, lost, full=True, mark_shipped="onLabel", link_field="VorgangsInfo1").change
    assert again == replace(
        NOTHING, additional_info=A, delivery_service="DHL", vorgangs_info=(1, FIRST.url), dispatched_at=TODAY
    )
    fine = after(lost, again)
    assert diff(known, fine, full=True, mark_shipped="onLabel", link_field="VorgangsInfo1").change.is_empty


def test_problems_come_and_go() -> None:
    known = entry(FIRST)
    for found in (
        OrderProblem("conflict", "AdditionalInfo"),
        ORDER_GONE,
        OrderProblem("tag_refused"),
        OrderProblem("rejected", "x"),
    ):
        bad = applied(known, Observation(observed=1, problem=found), mac=mac, now=NOW)
        assert needs_recheck(bad)
        again = applied(bad, Observation(observed=1, problem=found), mac=mac, now=NOW + 5)
        assert again.problem == Problem(code=found.code, path=found.path, since=NOW), "since it began"
        assert applied(bad, Observation(observed=1), mac=mac, now=NOW).problem is None
    held = msgspec.structs.replace(known, problem=Problem("changed_after_transfer", since=1, path="has_parcel_number"))
    assert applied(held, Observation(observed=1), mac=mac, now=NOW).problem is None, (
        "the field is free, or it were a conflict"
    )
    exporters = Problem(code="changed_after_transfer", since=1, path="not_an_order")
    kept = applied(msgspec.structs.replace(known, problem=exporters), Observation(observed=1), mac=mac, now=NOW)
    assert kept.problem == exporters
    assert not needs_recheck(kept)
    assert not needs_recheck(known)


histories = st.lists(
    st.builds(
        parcel,
        parcel=st.sampled_from(["9", "11", "12"]),
        status=st.sampled_from([LABEL, PICKED_UP, DELIVERED, CANCELLED, CANCELLATION_FAILED]),
        time=st.integers(NOW, NOW + 5),
        received=st.just(NOW + 10),
        number=st.sampled_from(["", "A1", "B2", "C3"]),
        url=st.sampled_from(["", "https://t/a?x=1&copy=2", "https://t/b"]),
        carrier=st.sampled_from(["", "dhl", "ups"]),
        collo=st.integers(0, 1),
        is_return=st.sampled_from([False, False, False, True]),
    ),
    max_size=6,
)
texts = st.sampled_from(["", "A1", "A1, B2", "C3 A1", "warten", "Z9", "https://t/b"])
shown_orders = st.builds(
    order,
    additional_info=texts,
    vorgangs_infos=st.tuples(texts, texts, texts),
    delivery_service=st.sampled_from(["", "DHL", "Spedition"]),
    tags=st.sampled_from([frozenset(), frozenset({TAG}), frozenset({"VIP"})]),
    dispatched_at=st.sampled_from([None, datetime(2026, 1, 1, tzinfo=UTC)]),
    parcel_labels=st.sampled_from([(), (ParcelLabel("41", "1", "A1"),), (ParcelLabel("42", "1", "Z9"),)]),
)
settings = st.fixed_dictionaries(
    {
        "tag": st.sampled_from(["", TAG]),
        "tracking": st.sampled_from(["number", "link"]),
        "link_field": st.sampled_from([None, "VorgangsInfo1", "VorgangsInfo3"]),
        "parcel_labels": st.booleans(),
        "mark_shipped": st.sampled_from(["never", "onLabel", "onPickup"]),
    }
)


@given(histories, shown_orders, settings, st.booleans())
def test_after_the_change_there_is_nothing_left_to_change(
    history: list[ParcelEvent],
    shown: Order,
    setting: dict[str, Any],
    forget: bool,  # noqa: FBT001 - drawn
) -> None:
    known, shown = round_trip(entry(*history), shown, **setting)
    if forget:
        known = msgspec.structs.replace(known, details={})
    again = diff(known, shown, **setting)
    assert again.change.is_empty
    assert (again.problem is None) == (known.problem is None)


@given(histories, shown_orders, settings)
def test_a_persons_words_are_never_overwritten(
    history: list[ParcelEvent], shown: Order, setting: dict[str, Any]
) -> None:
    result = round_trip(entry(*history), shown, **setting)[1]
    foreign = {"warten", "Z9"}
    if shown.additional_info in foreign:
        assert result == shown
    assert foreign & set(shown.vorgangs_infos) <= set(result.vorgangs_infos)
    assert {label for label in shown.parcel_labels if label.number in foreign} <= set(result.parcel_labels)
    assert shown.tags <= result.tags
    assert shown.dispatched_at in {None, result.dispatched_at}
    assert bool(result.additional_info) >= bool(shown.additional_info), "nothing is ever emptied"


@given(histories.flatmap(lambda h: st.tuples(st.just(h), st.permutations(h))), settings)
def test_arrival_does_not_matter_to_what_is_shown(
    arrivals: tuple[list[ParcelEvent], list[ParcelEvent]], setting: dict[str, Any]
) -> None:
    calm, wild = (round_trip(entry(*history), order(), **setting)[1] for history in arrivals)
    assert calm == wild
