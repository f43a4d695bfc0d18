"""Whatever Sendcloud says about bad orders: the good ones go, the bad ones are named, and it ends."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend_exporter.export.batches import BATCH, Bad, Group, GroupAccepted, GroupRefused, deliver

FAULT = ("invalid", "shipping_address/postal_code")


class Sendcloud:
    """Takes a group only if none of it is bad; names as many bad ones as ``choose`` picks."""

    def __init__(self, bad: set[int], choose: Callable[[list[int]], list[int]]) -> None:
        self.bad = bad
        self.choose = choose
        self.taken: list[int] = []
        self.calls: list[list[int]] = []

    def answer(self, group: Group) -> GroupAccepted | GroupRefused:
        self.calls.append(list(group))
        places = [place for place, position in enumerate(group) if position in self.bad]
        if not places:
            self.taken.extend(group)
            return GroupAccepted()
        return GroupRefused(dict.fromkeys(self.choose(places), FAULT), reason=("refused_whole", ""))


def play(count: int, sendcloud: Sendcloud) -> Bad:
    machine = deliver(count)
    try:
        group = next(machine)
        while True:
            group = machine.send(sendcloud.answer(group))
    except StopIteration as end:
        found: Bad = end.value
        return found


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (99, [99]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_batches_of_at_most_a_hundred(count: int, sizes: list[int]) -> None:
    sendcloud = Sendcloud(set(), choose=list)
    assert play(count, sendcloud) == {}
    assert [len(call) for call in sendcloud.calls] == sizes


def test_named_ones_are_dropped_and_the_rest_goes_again() -> None:
    sendcloud = Sendcloud({3, 50}, choose=lambda places: places)
    assert play(100, sendcloud) == {3: FAULT, 50: FAULT}
    assert len(sendcloud.calls) == 2
    assert sorted(sendcloud.taken) == [n for n in range(100) if n not in (3, 50)]


def test_no_position_named_means_halving() -> None:
    sendcloud = Sendcloud({5}, choose=lambda _: [])
    assert play(8, sendcloud) == {5: ("refused_whole", "")}
    assert sendcloud.calls == [[*range(8)], [0, 1, 2, 3], [4, 5, 6, 7], [4, 5], [4], [5], [6, 7]]


def test_places_that_do_not_exist_count_as_none_named() -> None:
    sendcloud = Sendcloud({1}, choose=lambda _: [-1, 400])
    assert play(2, sendcloud) == {1: ("refused_whole", "")}
    assert sendcloud.taken == [0]


def test_all_bad_needs_no_empty_call() -> None:
    sendcloud = Sendcloud({0, 1, 2}, choose=lambda places: places)
    assert set(play(3, sendcloud)) == {0, 1, 2}
    assert sendcloud.calls == [[0, 1, 2]]


@settings(max_examples=200)
@given(data=st.data(), count=st.integers(0, 230))
def test_all_good_ones_are_sent_once_all_bad_ones_named_and_calls_are_bounded(data: st.DataObject, count: int) -> None:
    bad = data.draw(st.sets(st.integers(0, max(count - 1, 0)), max_size=count), label="bad") if count else set()

    def some(places: list[int]) -> list[int]:
        real = data.draw(st.lists(st.sampled_from(places), unique=True), label="named")
        return real + data.draw(st.lists(st.integers(200, 300) | st.integers(-9, -1), max_size=2), label="nonsense")

    sendcloud = Sendcloud(bad, choose=some)
    assert set(play(count, sendcloud)) == bad
    assert sorted(sendcloud.taken) == [position for position in range(count) if position not in bad]
    assert all(0 < len(call) <= BATCH for call in sendcloud.calls)
    assert len(sendcloud.calls) <= 2 * count
