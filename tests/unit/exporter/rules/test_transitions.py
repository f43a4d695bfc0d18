"""The way of an entry to Sendcloud: every arrow of the drawing, and what must never happen."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from aftersend.ledger.entry import Entry, Held, Problem, ProblemCode
from aftersend_exporter.rules import transitions as t

NOW = 1_795_500_000_000
DAY = 86_400_000
RECHECK_PERIOD_MS = 14 * DAY


def entry(state: Any = "new", **fields: Any) -> Entry:
    return Entry(order="4711", state=state, **fields)


def problem(code: ProblemCode, path: str = "", since: int = NOW - DAY) -> Problem:
    return Problem(code=code, since=since, path=path)


CONFIRMED = entry("confirmed", fingerprint="f", pushed=NOW - DAY, since=NOW - DAY)
ACCEPTED = entry("accepted", fingerprint="f", pushed=NOW - DAY, pushes=1, since=NOW - DAY)
SENDING = entry("pushing", fingerprint="f", papers=1, watched=NOW - 5, since=NOW - 5)
LABELLED = entry("labelled", fingerprint="f", pushed=NOW - DAY)
DELETED = entry("problem", fingerprint="f", pushed=NOW - DAY, problem=problem("deleted_in_sendcloud"))
NOT_SAVED = entry("problem", fingerprint="f", pushed=NOW - DAY, problem=problem("not_saved"))
REJECTED = entry("problem", fingerprint="f", watched=NOW - DAY, problem=problem("rejected", "city"))


def test_pushing_is_watched_so_that_a_crash_is_healed() -> None:
    found = t.pushing(entry(), fingerprint="f", now=NOW)
    assert (found.state, found.fingerprint, found.watched, found.since) == ("pushing", "f", NOW, NOW)
    again = t.pushing(found, fingerprint="g", now=NOW + 1)
    assert (again.fingerprint, again.watched, again.since) == ("g", NOW, NOW)


def test_accepted_ends_the_watch_and_cures() -> None:
    for code in ("rejected", "not_saved", "unreadable", "given_up", "changed_after_transfer", "too_late"):
        found = t.accepted(replace(SENDING, problem=problem(code)), fingerprint="f", now=NOW)
        assert (found.state, found.pushed, found.pushes, found.watched) == ("accepted", NOW, 1, 0)
        assert found.problem is None


def test_an_answer_for_an_older_version_says_nothing_about_the_newer() -> None:
    newer = replace(SENDING, fingerprint="g")
    assert t.accepted(newer, fingerprint="f", now=NOW) is newer


def test_too_late_is_reported_and_not_watched() -> None:
    found = t.too_late(entry(), now=NOW)
    assert (found.state, found.watched, found.problem) == ("problem", 0, Problem("too_late", NOW, "OrderDate"))
    assert t.too_late(found, now=NOW + 1) is found
    assert t.dismissed(found).problem is None
    pushed = t.pushing(found, fingerprint="f", now=NOW)
    assert t.accepted(pushed, fingerprint="f", now=NOW).problem is None


@pytest.mark.parametrize("known", [CONFIRMED, SENDING, LABELLED, DELETED, REJECTED, entry(watched=NOW)])
def test_what_is_known_is_never_too_late(known: Entry) -> None:
    assert t.too_late(known, now=NOW) is known


def test_rejected_is_watched_with_the_field_that_is_to_blame() -> None:
    found = t.rejected(SENDING, path="shipping_address/city", now=NOW)
    assert (found.state, found.watched) == ("problem", SENDING.watched)
    assert found.problem == Problem(code="rejected", since=NOW, path="shipping_address/city")
    again = t.rejected(found, path="shipping_address/city", now=NOW + DAY)
    assert again.problem is not None
    assert again.problem.since == NOW


def test_refusals_of_one_version_are_counted() -> None:
    found = t.rejected(t.rejected(SENDING, path="city", now=NOW), path="city", now=NOW + 5)
    assert (found.refusals, found.refused) == (2, NOW + 5)
    again = t.pushing(found, fingerprint="f", now=NOW + 9)
    assert (again.refusals, again.refused) == (2, NOW + 9), "sent again, behind those that wait longer"
    changed = t.pushing(found, fingerprint="g", now=NOW + 9)
    assert (changed.refusals, changed.refused) == (0, 0)
    taken = t.accepted(again, fingerprint="f", now=NOW + 9)
    assert (taken.refusals, taken.refused) == (0, 0)
    assert t.dismissed(found).refusals == 0


def test_an_answer_that_was_about_others_counts_for_nothing() -> None:
    found = t.rejected(SENDING, path="city", now=NOW)
    again = t.pushing(found, fingerprint="f", now=NOW + 9)
    assert replace(t.undecided(again, refused=NOW, now=NOW), since=found.since) == found
    assert t.undecided(LABELLED, refused=NOW, now=NOW + 9) is LABELLED


def test_confirmed_after_being_seen() -> None:
    found = t.confirmed(ACCEPTED, now=NOW)
    assert (found.state, found.pushes, found.since) == ("confirmed", 0, NOW)
    assert t.confirmed(CONFIRMED, now=NOW) is CONFIRMED


def test_absent_is_pushed_again_three_times() -> None:
    found = ACCEPTED
    for pushes in (1, 2):
        found = t.absent(replace(found, pushes=pushes), now=NOW)
        assert (found.state, found.watched, found.problem) == ("pushing", NOW, None)
        found = t.accepted(found, fingerprint="f", now=NOW)
        assert (found.state, found.pushes) == ("accepted", pushes + 1)
    found = t.absent(found, now=NOW)
    assert found.problem == Problem(code="not_saved", since=NOW)
    assert (found.state, found.watched) == ("problem", 0)


def test_what_vanished_after_being_confirmed_was_deleted() -> None:
    for before in (CONFIRMED, t.pushing(CONFIRMED, fingerprint="g", now=NOW)):
        found = t.deleted(before, now=NOW)
        assert found.problem == Problem(code="deleted_in_sendcloud", since=NOW)
        assert (found.state, found.watched) == ("problem", 0)
        assert t.is_final(found)
    assert t.deleted(ACCEPTED, now=NOW) is ACCEPTED


@pytest.mark.parametrize(
    ("before", "transferred", "was_confirmed", "final"),
    [
        (entry(), False, False, False),
        (entry(watched=NOW), False, False, False),
        (SENDING, False, False, False),
        (replace(SENDING, pushed=NOW), True, True, False),
        (replace(SENDING, pushed=NOW, pushes=1), True, False, False),
        (ACCEPTED, True, False, False),
        (CONFIRMED, True, True, False),
        (REJECTED, False, False, False),
        (replace(REJECTED, pushed=NOW), True, False, False),
        (NOT_SAVED, False, False, False),
        (LABELLED, False, False, True),
        (DELETED, False, False, True),
    ],
)
def test_what_a_state_means(before: Entry, *, transferred: bool, was_confirmed: bool, final: bool) -> None:
    found = (t.is_transferred(before), t.was_confirmed(before), t.is_final(before))
    assert found == (transferred, was_confirmed, final)


def test_watched_until_given_up() -> None:
    watch = partial(t.watched, reason="has_parcel_number", recheck_period_ms=RECHECK_PERIOD_MS)
    held = watch(entry(), now=NOW)
    assert (held.watched, held.problem) == (NOW, None)
    assert watch(held, now=NOW + RECHECK_PERIOD_MS - 1) == held
    late = watch(held, now=NOW + RECHECK_PERIOD_MS)
    assert late.problem == Problem(code="given_up", since=NOW + RECHECK_PERIOD_MS, path="has_parcel_number")
    assert late.watched == 0
    assert watch(late, now=NOW + RECHECK_PERIOD_MS + DAY) is late, "given up stays given up as long as it is held"


def held(before: Entry, reason: str, now: int = NOW) -> Entry:
    return t.watched(before, reason=reason, now=now, recheck_period_ms=RECHECK_PERIOD_MS)


def test_why_an_order_is_held_and_since_when() -> None:
    first = held(entry(), "unpaid")
    assert first.held == Held(reason="unpaid", since=NOW)
    assert held(first, "unpaid", NOW + DAY) is first, "the same reason again changes nothing"
    other = held(first, "has_parcel_number", NOW + DAY)
    assert (other.held, other.watched) == (Held(reason="has_parcel_number", since=NOW + DAY), NOW)


def test_given_up_keeps_the_reason_beside_it() -> None:
    late = held(held(entry(), "unpaid"), "unpaid", NOW + RECHECK_PERIOD_MS)
    assert late.problem == Problem(code="given_up", since=NOW + RECHECK_PERIOD_MS, path="unpaid")
    assert late.held == Held(reason="unpaid", since=NOW)
    changed = held(late, "no_address", NOW + RECHECK_PERIOD_MS + DAY)
    assert changed.problem == late.problem
    assert changed.held == Held(reason="no_address", since=NOW + RECHECK_PERIOD_MS + DAY)


@pytest.mark.parametrize("reason", ["tag", "shipping_method"])
def test_an_order_that_is_not_wanted_is_forgotten_without_a_problem(reason: str) -> None:
    first = held(entry(), reason)
    assert held(first, reason, NOW + RECHECK_PERIOD_MS - 1) is first
    assert held(first, reason, NOW + RECHECK_PERIOD_MS) == entry()
    refused = held(REJECTED, reason, REJECTED.watched + RECHECK_PERIOD_MS)
    assert (refused.state, refused.problem, refused.held, refused.watched) == ("new", None, None, 0)


@pytest.mark.parametrize("reason", ["no_weight", "too_young"])
def test_an_order_that_should_have_gone_is_given_up(reason: str) -> None:
    late = held(held(entry(), reason), reason, NOW + RECHECK_PERIOD_MS)
    assert late.problem == Problem(code="given_up", since=NOW + RECHECK_PERIOD_MS, path=reason)


@pytest.mark.parametrize("reason", ["tag", "shipping_method", "too_young"])
def test_an_order_that_vanishes_before_it_was_to_go_is_no_problem(reason: str) -> None:
    first = held(entry(), reason)
    vanish = partial(t.gone, recheck_period_ms=RECHECK_PERIOD_MS)
    assert vanish(first, now=NOW + RECHECK_PERIOD_MS - 1) is first, "it may come back"
    assert vanish(first, now=NOW + RECHECK_PERIOD_MS) == entry()
    unpaid = held(entry(), "unpaid")
    assert vanish(unpaid, now=NOW + RECHECK_PERIOD_MS).problem is not None


def test_an_order_that_waits_is_given_up_without_a_path() -> None:
    late = held(held(entry(), t.LATER), t.LATER, NOW + RECHECK_PERIOD_MS)
    assert late.problem == Problem(code="given_up", since=NOW + RECHECK_PERIOD_MS)
    assert late.held == Held(reason="later", since=NOW)


def test_an_entry_of_an_older_version_has_been_held_since_it_is_watched() -> None:
    assert held(entry(watched=NOW - DAY), "unpaid").held == Held(reason="unpaid", since=NOW - DAY)
    assert held(replace(REJECTED, held=None), "unpaid").held == Held(reason="unpaid", since=NOW), "refused, not held"


HELD = Held(reason="unpaid", since=NOW - DAY)


@pytest.mark.parametrize(
    "after",
    [
        t.pushing(entry(held=HELD, watched=NOW - DAY), fingerprint="f", now=NOW),
        t.dismissed(entry(held=HELD, watched=NOW - DAY)),
        t.surely_sent(replace(SENDING, held=HELD), now=NOW),
        t.absent(replace(ACCEPTED, held=HELD), now=NOW),
        held(replace(REJECTED, held=HELD), ""),
        t.unreadable(entry(held=HELD), path="x", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS),
        held(ACCEPTED, t.LATER),
    ],
    ids=["pushed", "skipped for good", "arrived", "pushed again", "refused", "unreadable", "sent before"],
)
def test_the_reason_goes_when_it_applies_no_more(after: Entry) -> None:
    assert after.held is None


def test_an_order_that_vanished_while_it_was_held() -> None:
    before = entry(held=HELD, watched=NOW - DAY)
    found = t.gone(before, now=NOW, recheck_period_ms=RECHECK_PERIOD_MS)
    assert (found.held, found.watched) == (Held(reason="gone", since=NOW), NOW - DAY)
    late = t.gone(found, now=NOW + RECHECK_PERIOD_MS, recheck_period_ms=RECHECK_PERIOD_MS)
    assert late.problem == Problem(code="given_up", since=NOW + RECHECK_PERIOD_MS, path="gone")
    assert t.gone(CONFIRMED, now=NOW, recheck_period_ms=RECHECK_PERIOD_MS) is CONFIRMED


def test_a_refused_order_is_given_up_with_its_field() -> None:
    found = t.watched(REJECTED, reason="", now=NOW + RECHECK_PERIOD_MS, recheck_period_ms=RECHECK_PERIOD_MS)
    assert found.problem == Problem(code="given_up", since=NOW + RECHECK_PERIOD_MS, path="city")


def test_held_after_the_transfer_and_released_again() -> None:
    held = t.changed_after_transfer(CONFIRMED, reason="has_parcel_number", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS)
    assert held.problem == Problem(code="changed_after_transfer", since=NOW, path="has_parcel_number")
    assert held.state == "confirmed"
    assert t.unchanged(held) == CONFIRMED


def test_held_after_a_refused_change_keeps_its_own_name_in_the_end() -> None:
    before = replace(REJECTED, pushed=NOW - DAY)
    late = t.changed_after_transfer(
        before, reason="gone", now=NOW + RECHECK_PERIOD_MS, recheck_period_ms=RECHECK_PERIOD_MS
    )
    assert late.problem is not None
    assert (late.problem.code, late.watched) == ("changed_after_transfer", 0)


def test_an_order_without_a_label_for_long_is_given_up() -> None:
    assert t.overdue(CONFIRMED, now=NOW).problem == Problem(code="given_up", since=NOW, path="label")
    known = replace(CONFIRMED, problem=problem("changed_after_transfer"))
    assert t.overdue(known, now=NOW) is known


def test_nothing_to_transfer_any_more() -> None:
    assert t.dismissed(entry(watched=NOW)) == entry()
    assert t.dismissed(REJECTED) == entry(fingerprint="f")
    assert t.dismissed(replace(entry(), problem=problem("given_up"))) == entry()
    assert t.dismissed(CONFIRMED) is CONFIRMED


@pytest.mark.parametrize("before", [entry(), REJECTED, replace(entry(), watched=NOW - DAY)])
def test_unreadable_is_a_problem_of_its_own(before: Entry) -> None:
    found = t.unreadable(before, path="SoldItems/SoldItem/ItemQuantity", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS)
    assert found.problem is not None
    assert (found.problem.code, found.problem.path) == ("unreadable", "SoldItems/SoldItem/ItemQuantity")
    assert found.watched
    late = t.unreadable(found, path="x", now=NOW + RECHECK_PERIOD_MS, recheck_period_ms=RECHECK_PERIOD_MS)
    assert late.problem is not None
    assert late.problem.code == "given_up"
    assert t.unreadable(late, path="x", now=NOW + RECHECK_PERIOD_MS + 1, recheck_period_ms=RECHECK_PERIOD_MS) == late


@pytest.mark.parametrize("before", [ACCEPTED, CONFIRMED])
def test_what_was_transferred_stays_as_it_is_while_it_cannot_be_read(before: Entry) -> None:
    assert t.unreadable(before, path="x", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS) is before


def test_a_push_of_unknown_outcome() -> None:
    assert t.never_sent(SENDING).state == "new"
    sent = t.surely_sent(SENDING, now=NOW)
    assert (sent.state, sent.pushed, sent.watched) == ("confirmed", NOW, 0)
    known = replace(SENDING, pushed=NOW)
    assert t.never_sent(known) is known
    assert t.surely_sent(known, now=NOW) is known


CHANGES: list[Callable[[Entry], Entry]] = [
    partial(t.pushing, fingerprint="g", now=NOW),
    partial(t.accepted, fingerprint="f", now=NOW),
    partial(t.rejected, path="x", now=NOW),
    partial(t.unreadable, path="x", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS),
    partial(t.watched, reason="unpaid", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS),
    partial(t.expired, now=NOW, recheck_period_ms=0),
    partial(t.overdue, now=NOW),
    t.dismissed,
    partial(t.gone, now=NOW, recheck_period_ms=RECHECK_PERIOD_MS),
    partial(t.changed_after_transfer, reason="gone", now=NOW, recheck_period_ms=RECHECK_PERIOD_MS),
    t.unchanged,
    partial(t.confirmed, now=NOW),
    partial(t.absent, now=NOW),
    partial(t.deleted, now=NOW),
    t.never_sent,
    partial(t.surely_sent, now=NOW),
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("final", [LABELLED, DELETED])
def test_nothing_moves_what_is_final(final: Entry, change: Callable[[Entry], Entry]) -> None:
    """A label that arrived meanwhile is never undone, a deleted order never brought back."""
    assert change(final) == final


@given(st.lists(st.sampled_from(CHANGES), max_size=12))
def test_whatever_happens_no_open_order_is_forgotten(changes: list[Callable[[Entry], Entry]]) -> None:
    """An order on its way is watched or open (both are read again), or it is a problem."""
    known = entry()
    for change in changes:
        known = change(known)
        on_its_way = known.state in ("pushing", "problem")
        assert not on_its_way or known.watched or known.problem is not None
        assert not (t.is_transferred(known) and known.held), "what was sent is not held"
