"""What is handled next of the entries that were delivered before."""

import pytest

from aftersend.stream.pending_entries import IdleEntry, StreamEntry
from aftersend.stream.redelivery import is_poison, next_group, released


def idle(*deliveries: int) -> list[IdleEntry]:
    return [IdleEntry(b"%d-0" % place, count) for place, count in enumerate(deliveries)]


@pytest.mark.parametrize(
    ("deliveries", "places"),
    [
        ((), []),
        ((0, 0), []),
        ((1,), [0]),
        ((1,) * 12, list(range(10))),
        ((0, 1, 2, 1, 3), [1, 3]),
        ((2, 2), [0]),
        ((4, 2, 3), [1]),
        ((7,), [0]),
    ],
)
def test_groups_of_ten_come_first_then_one_by_one(deliveries: tuple[int, ...], places: list[int]) -> None:
    found = idle(*deliveries)
    assert next_group(found) == [found[place] for place in places]


def test_released_entries_are_as_good_as_new() -> None:
    assert released(idle(0, 1, 0)) == [IdleEntry(b"0-0", 0), IdleEntry(b"2-0", 0)]


@pytest.mark.parametrize("deliveries", range(1, 10))
def test_five_lonely_deaths_make_it_poison(deliveries: int) -> None:
    """One death beside others and one in a group come before them."""
    assert is_poison(StreamEntry(b"0-0", {}, deliveries)) is (deliveries > 7)
