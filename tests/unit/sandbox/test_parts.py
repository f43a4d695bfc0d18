"""The parts of the sandbox that need no server: clock, books, faults, switches, schema."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend_sandbox.clock import SandboxClock
from aftersend_sandbox.faults import ArmedFault, Faults
from aftersend_sandbox.sendcloud import schema
from aftersend_sandbox.switches import TABLE, Switches
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder, OrderBook
from aftersend_sandbox.world.sendcloud_account import ParcelBook, Recipient, SendcloudParcel
from aftersend_sandbox.world.world import World

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
TESTS = Path(__file__).parents[2]


def an_order(order_id: int) -> AfterbuyOrder:
    return AfterbuyOrder(order_id, NOW, AfterbuyAddress(), [])


def test_the_clock_moves_only_by_hand() -> None:
    clock = SandboxClock(base=NOW.timestamp)
    clock.advance(timedelta(minutes=5))
    assert clock.now() == NOW + timedelta(minutes=5)
    assert clock.seconds() == NOW.timestamp() + 300


@given(st.lists(st.integers(1, 50)), st.integers(0, 50), st.integers(0, 50) | st.none(), st.booleans())
def test_spans_of_the_order_book(ids: list[int], first: int, last: int | None, descending: bool) -> None:  # noqa: FBT001
    book = OrderBook()
    for each in ids:
        book.add(an_order(each))
    wanted = sorted({each for each in ids if each >= first and (last is None or each <= last)}, reverse=descending)
    assert [each.order_id for each in book.between(first, last, descending=descending)] == wanted
    assert len(book) == len(set(ids))


def test_an_order_can_be_replaced_and_removed() -> None:
    book = OrderBook()
    book.add(an_order(1))
    book.add(again := an_order(1))
    assert (book[1] is again, len(book)) == (True, 1)
    book.remove(1)
    assert (book.get(1), list(book)) == (None, [])


def test_parcels_by_number_and_age() -> None:
    book = ParcelBook()
    for number in range(1, 5):
        book.add(SendcloudParcel(number, 4711, Recipient(), NOW, NOW, order_number=str(number % 2)))
    assert [each.id for each in book.newest_first()] == [4, 3, 2, 1]
    assert [each.id for each in book.newest_first(3)] == [2, 1]
    assert [each.id for each in book.of_number("1")] == [1, 3]
    book.rename(book[1], "x")
    assert [each.id for each in book.of_number("1")] == [3]
    assert ([each.id for each in book], len(book), book.get(9)) == ([1, 2, 3, 4], 4, None)
    assert book[1].message == "No label"


def test_faults_are_used_up() -> None:
    faults = Faults()
    faults.arm("afterbuy", "html", ArmedFault(remaining=2))
    assert [bool(faults.strikes("afterbuy", "html")) for _ in range(3)] == [True, True, False]
    assert faults.struck == {"afterbuy/html": 2}
    with pytest.raises(ValueError, match="no fault"):
        faults.arm("afterbuy", "nothing", ArmedFault())


def test_faults_by_probability_repeat_themselves() -> None:
    runs = []
    for _ in range(2):
        faults = Faults(seed=7)
        faults.arm("webhook", "lost", ArmedFault(probability=0.3))
        runs.append([bool(faults.strikes("webhook", "lost")) for _ in range(200)])
    assert runs[0] == runs[1]
    assert 30 < sum(runs[0]) < 90


def test_faults_of_some_calls_and_disarming() -> None:
    faults = Faults()
    faults.arm("sendcloud", "reset", ArmedFault(calls=("POST /orders",)))
    faults.arm("sendcloud", "html", ArmedFault())
    faults.arm("afterbuy", "html", ArmedFault())
    assert faults.strikes("sendcloud", "reset", "GET /orders") is None
    struck = faults.any_of("sendcloud", ("empty", "reset"), "POST /orders")
    assert struck is not None
    assert struck[0] == "reset"
    faults.disarm("sendcloud", "html")
    faults.disarm("sendcloud")
    assert [each["upstream"] for each in faults.armed()] == ["afterbuy"]
    faults.disarm()
    assert faults.armed() == []


def test_switches_know_their_positions() -> None:
    switches = Switches()
    assert switches.positions() == {each.name: each.values[0] for each in TABLE}
    with pytest.raises(ValueError, match="no switch"):
        switches.turn("unknown", "x")
    with pytest.raises(ValueError, match="batch knows partial, all_or_nothing"):
        switches.turn("batch", "x")


@pytest.mark.parametrize("switch", TABLE, ids=lambda each: each.name)
def test_every_switch_is_described_and_has_two_outcomes(switch: Any) -> None:
    assert switch.side in {"Afterbuy", "Sendcloud"}
    assert len(switch.means) > 20
    assert len(set(switch.values)) >= 2


@pytest.mark.parametrize("switch", TABLE, ids=lambda each: each.name)
def test_every_outcome_of_every_switch_is_tested(switch: Any) -> None:
    """The sandbox's own tests name each switch together with each of its values."""
    text = "\n".join(each.read_text() for each in (TESTS / "integration/sandbox").glob("test_*.py"))
    blocks = [block for block in re.split(r"\n(?=async def |def |@pytest)", text) if f"{switch.name}=" in block]
    assert blocks, f"no test turns {switch.name}"
    missing = [value for value in switch.values if not any(f'"{value}"' in block for block in blocks)]
    assert missing == []


ADDRESS = schema.record(
    {"name": schema.text(least=1)}, {"zip": schema.text(pattern=r"\d{5}"), "n": schema.number(above=0)}
)


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        ({"name": "x"}, []),
        ({"name": "x", "zip": None}, []),
        ({"name": None}, ["/name invalid"]),
        ({}, ["/name required"]),
        ({"name": "x", "more": 1}, ["/more unknown_field"]),
        ({"name": "", "zip": "1"}, ["/name invalid", "/zip invalid"]),
        ({"name": "x", "n": 0}, ["/n invalid"]),
        ({"name": "x", "n": False}, ["/n invalid"]),
        ("x", [" invalid"]),
    ],
)
def test_records(value: object, faults: list[str]) -> None:
    assert [f"{each.pointer} {each.code}" for each in ADDRESS(value, "")] == faults


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (schema.text(most=2), "ab", "abc"),
        (schema.choice("a", "b"), "b", "c"),
        (schema.whole(), -3, 1.0),
        (schema.whole(least=1), 1, 0),
        (schema.number(places=2), 1.25, 1.251),
        (schema.number(also_text=True), "3.5", "3,5"),
        (schema.flag, False, 0),
        (schema.moment, "2026-11-24T09:00:00.5+01:00", 1764000000),
        (schema.mapping, {}, []),
        (schema.listing(schema.flag), [True], [1]),
        (schema.listing(schema.anything, least=1), [None], []),
    ],
)
def test_checks(check: schema.Check, good: object, bad: object) -> None:
    assert list(check(good, "")) == []
    assert len(list(check(bad, ""))) == 1


def test_a_rule_speaks_only_about_sound_values() -> None:
    def rule(value: Any, path: str) -> Any:
        yield schema.SchemaError(path, "rule", str(len(value)))

    check = schema.with_rule(schema.text(), rule)
    assert [each.code for each in check(5, "")] == ["invalid"]
    assert [each.code for each in check("five", "")] == ["rule"]


def test_the_account_has_three_integrations_with_names_alike() -> None:
    names = [each.shop_name for each in World().sendcloud.integrations.values()]
    assert len(names) == 3
    assert sum(name.startswith("J&J") for name in names) == 3
