"""Orders that are shown later than their own date: the table, the facts to begin with, and any sequence of runs."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some
from msgspec.structs import replace

from aftersend.afterbuy.model import Order, PostalAddress, UnreadableOrder
from aftersend.tenant.document import Window
from aftersend_exporter.rules.late_orders import LateOrders, late_orders
from aftersend_exporter.rules.window import BERLIN, Period, catch_up_start, period

ZONE = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 23, tzinfo=UTC)
HIGHEST, OLD_ID, NEW_ID = 700, "699", "701"


def asked(**known: Any) -> LateOrders:
    rules = Window(**known.pop("rules", {}))
    defaults: dict[str, Any] = {"last_start": NOW - timedelta(hours=1), "highest": HIGHEST, "first": None}
    return late_orders(now=NOW, zone=ZONE, rules=rules, **(defaults | known))


def order(order_id: str, days: float | None, **fields: Any) -> Order:
    """An order of so many days ago."""
    ordered = None if days is None else NOW - timedelta(days=days)
    return Order(order_id, ordered, billing=PostalAddress(), shipping=None, items=(), **fields)


TABLE = [
    # own date, days ago     new          changed
    (None, "left_out", "left_out"),
    (0, "goes", "goes"),
    (2.8, "goes", "goes"),
    (5, "goes", "goes"),
    (9.9, "goes", "goes"),
    (10.5, "goes", "past"),  # before the tenant's first window
    (14, "goes", "past"),
    (14.43, "goes", "past"),  # the day fourteen days ago counts from its first moment
    (14.45, "too_late", "left_out"),
    (15, "too_late", "left_out"),
    (19.9, "too_late", "left_out"),
    (20.5, "left_out", "left_out"),  # before notBefore
    (400, "left_out", "left_out"),
]


@pytest.mark.parametrize(("days", "new", "changed"), TABLE)
def test_the_table(days: float | None, new: str, changed: str) -> None:
    begun = asked(first=NOW - timedelta(days=10), rules={"not_before": "2026-11-04"})
    assert begun.verdict(order(NEW_ID, days)) == new
    assert begun.verdict(order(OLD_ID, days)) == changed
    assert begun.verdict(order(str(HIGHEST), days)) == changed


@pytest.mark.parametrize(("days", "new", "changed"), TABLE)
def test_an_unreadable_order(days: float | None, new: str, changed: str) -> None:
    """Whether it would go is unknown, so one that is past or too late is left out; a new one without date goes."""
    begun = asked(first=NOW - timedelta(days=10), rules={"not_before": "2026-11-04"})
    dated = None if days is None else NOW - timedelta(days=days)
    assert begun.verdict_on_unreadable(UnreadableOrder(OLD_ID, "Order", dated)) == changed.replace("past", "left_out")
    expected = "goes" if days is None else new.replace("too_late", "left_out")
    assert begun.verdict_on_unreadable(UnreadableOrder(NEW_ID, "Order", dated)) == expected


def test_a_new_order_whose_date_is_not_understood_goes() -> None:
    unclear: dict[str, Any] = {"unclear": frozenset({"OrderDate"})}
    assert asked().verdict(order(NEW_ID, None, **unclear)) == "goes"
    assert asked().verdict(order(OLD_ID, None, **unclear)) == "left_out"


@pytest.mark.parametrize("order_id", ["0", "", "00", "x", "9" * 20])
def test_items_that_are_no_order_are_left_out(order_id: str) -> None:
    assert asked().verdict(order(order_id, 0)) == "left_out"
    assert asked().verdict_on_unreadable(UnreadableOrder(order_id, "OrderID")) == "left_out"


def test_without_a_first_window_changes_reach_back_as_far_as_new_orders() -> None:
    """A tenant of an earlier version."""
    assert asked(first=None).verdict(order(OLD_ID, 14)) == "goes"
    assert asked(first=None).verdict(order(OLD_ID, 15)) == "left_out"


def test_without_a_highest_order_id_nothing_is_new() -> None:
    begun = asked(highest=None, first=NOW - timedelta(days=1))
    assert begun.verdict(order("999999", 0)) == "goes"
    assert begun.verdict(order("999999", 2)) == "past"
    assert begun.verdict(order("999999", 20)) == "left_out"


@pytest.mark.parametrize(
    ("last", "start"),
    [
        ("2026-11-24T08:30Z", "2026-11-24T07:30Z"),  # an hour before: clocks differ
        ("2026-11-21T06:00Z", "2026-11-21T05:00Z"),
        ("2026-11-10T00:30Z", "2026-11-09T23:30Z"),
        ("2026-11-01T00:00Z", "2026-11-09T23:00Z"),  # not older than catchUpDays
    ],
)
def test_changes_since_the_last_complete_run(last: str, start: str) -> None:
    begun = asked(last_start=datetime.fromisoformat(last))
    assert begun.changed == Period(datetime.fromisoformat(start), MIDNIGHT + timedelta(days=1))


def test_the_first_run_asks_for_no_changes() -> None:
    assert asked(last_start=None, highest=None).changed is None


def test_changes_in_the_hour_that_comes_twice() -> None:
    """Afterbuy compares wall clocks: 02:10 of the second pass is earlier than 02:40 of the first."""
    now = datetime(2026, 10, 25, 2, 0, tzinfo=UTC)
    begun = late_orders(
        now=now, zone=ZONE, rules=Window(), last_start=now - timedelta(minutes=80), highest=1, first=None
    )
    assert begun.changed is not None
    assert begun.changed.start.astimezone(BERLIN).replace(tzinfo=None) <= datetime(2026, 10, 25, 2, 0)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("date_field", "fields", "verdict"),
    [
        ("AuctionEndDate", {}, "goes"),
        ("ModDate", {}, "goes"),
        ("PayDate", {}, "left_out"),
        ("PayDate", {"paid_at": NOW - timedelta(days=3)}, "goes"),
        ("PayDate", {"paid_at": NOW - timedelta(days=15)}, "too_late"),
        ("FeedbackDate", {}, "left_out"),
        ("FeedbackDate", {"feedback_at": NOW - timedelta(days=3)}, "goes"),
        ("InvoiceDate", {}, "left_out"),
        ("InvoiceDate", {"invoiced_at": NOW - timedelta(days=3)}, "goes"),
        ("XmlDate", {}, "left_out"),
    ],
)
def test_an_order_that_is_not_due_by_the_merchants_date_is_left_out(
    date_field: str, fields: dict[str, Any], verdict: str
) -> None:
    assert asked(rules={"date_field": date_field}).verdict(order(NEW_ID, 1, **fields)) == verdict


MINUTE = timedelta(minutes=1)
BEGIN = datetime(2026, 10, 20, 6, 0, tzinfo=UTC)
"""Berlin changes its clocks five days later."""
MONTH = 30 * 24 * 60
RULES = Window(catch_up_days=4)


@dataclass(frozen=True)
class Appearance:
    """An order that is shown ``late`` minutes after its own date; a pending one has the OrderID of its own date."""

    dated: datetime
    late: int
    pending: bool

    @property
    def shown(self) -> datetime:
        return self.dated + self.late * MINUTE

    @property
    def named(self) -> datetime:
        return self.dated if self.pending else self.shown


@dataclass
class Account:
    """A pure model of Afterbuy (which compares wall clocks in Berlin), runs, and what they remember."""

    orders: dict[int, Appearance]
    sent: set[int] = field(default_factory=set)
    skew: timedelta = timedelta()
    """How much Afterbuy's clock, which ModDate comes from, is behind."""
    too_late: Counter[int] = field(default_factory=Counter)
    last_start: datetime | None = None
    highest: int | None = None
    first: datetime | None = None
    windows: list[datetime] = field(default_factory=list)

    def shown(self, now: datetime) -> list[int]:
        return [number for number, each in self.orders.items() if each.shown <= now]

    def run(self, start: datetime, trouble: str) -> None:
        """One run; its reads are a minute apart."""
        window = period(now=start, zone=ZONE, rules=RULES, last_start=self.last_start)
        look = late_orders(
            now=start, zone=ZONE, rules=RULES, last_start=self.last_start, highest=self.highest, first=self.first
        )
        self.windows.append(window.start)
        if trouble != "window":
            dates = {number: self.orders[number].dated for number in self.shown(start)}
            self.sent |= {number for number, dated in dates.items() if _between(dated, window)}
        late: set[int] = set()
        highest = max(self.shown(start + MINUTE), default=None)
        if look.highest is not None and trouble != "range":
            late |= self.judged(look, {number for number in self.shown(start + MINUTE) if number > look.highest})
        if look.changed is not None and trouble != "changes":
            shown = self.shown(start + 2 * MINUTE)
            late |= self.judged(
                look, {each for each in shown if _between(self.orders[each].shown - self.skew, look.changed)}
            )
        if not trouble:
            self.too_late.update(late)
            self.first = self.first or window.start
            self.last_start, self.highest = start, highest or self.highest

    def judged(self, look: LateOrders, read: set[int]) -> set[int]:
        """Send what goes; return what is too late and unknown."""
        verdicts = {
            number: look.verdict(replace(order(str(number), 0), ordered_at=self.orders[number].dated))
            for number in read - self.sent
        }
        self.sent |= {number for number, verdict in verdicts.items() if verdict in {"goes", "past"}}
        known = self.sent | set(self.too_late)
        return {number for number, verdict in verdicts.items() if verdict == "too_late" and number not in known}


def _between(moment: datetime, span: Period) -> bool:
    wall, start, end = (each.astimezone(BERLIN).replace(tzinfo=None) for each in (moment, span.start, span.end))
    return start <= wall <= end


_OLD = (-60 * 24 * 60, 0, False)


def _account(drawn: list[tuple[int, int, bool]]) -> Account:
    orders = [Appearance(BEGIN + minute * MINUTE, late, pending) for minute, late, pending in [_OLD, *drawn]]
    return Account(dict(enumerate(sorted(orders, key=lambda each: each.named), start=1)))


APPEARANCES = some.lists(
    some.tuples(some.integers(-MONTH // 2, MONTH), some.integers(0, 6 * 24 * 60), some.booleans()), max_size=8
)
TROUBLE = some.sampled_from(["", "", "window", "range", "changes"])
RUNS = some.lists(
    some.tuples(some.integers(0, MONTH // 5), TROUBLE), min_size=1, max_size=12, unique_by=lambda run: run[0]
)


@given(APPEARANCES, RUNS, some.integers(-50, 50))
def test_any_order_goes_exactly_once_in_any_sequence_of_runs(
    drawn: list[tuple[int, int, bool]], drawn_runs: list[tuple[int, str]], skew: int
) -> None:
    """Whenever it is shown: within ``catchUpDays`` it goes, later it is reported, and what is past stays the past."""
    account = _account(drawn)
    account.skew = skew * MINUTE
    runs = [(BEGIN + minute * 5 * MINUTE, trouble) for minute, trouble in sorted(drawn_runs)]
    runs.append((BEGIN + (MONTH + 7 * 24 * 60) * MINUTE, ""))
    for start, trouble in runs:
        account.run(start, trouble)
    complete = [start for start, trouble in runs if not trouble]
    begun = complete[0]
    for number, each in account.orders.items():
        run = next(start for start in complete if start >= each.shown)
        before = [start for start in complete if start < run]
        is_new = bool(before) and number > max(account.shown(before[-1] + MINUTE))
        assert account.too_late[number] <= (number not in account.sent)
        if each.shown < begun - 3 * timedelta(hours=1) and each.dated < min(
            account.windows[: runs.index((begun, "")) + 1]
        ):
            assert number not in account.sent, "it is the past"
            assert not account.too_late[number]
        elif run == begun and each.dated < account.first:
            continue  # an earlier run of the first windows may have read it
        elif each.dated >= catch_up_start(now=run, zone=ZONE, rules=RULES):
            assert number in account.sent
        elif is_new:
            assert number in account.sent or account.too_late[number] == 1
