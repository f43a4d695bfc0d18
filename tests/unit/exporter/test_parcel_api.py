"""Which API a sweep tries: v2 until three sweeps in a row found it closed, then v3 and once a day v2 again."""

from typing import Final, Literal

import pytest

from aftersend_exporter.parcel_api import AGAIN_MS, Closure, apis_to_try

NOW: Final = 1_795_500_000_000
OPEN: Final = Closure()
NEARLY: Final = Closure(2, NOW)
CLOSED: Final = Closure(3, NOW)
OLD: Final = Closure(9, NOW - AGAIN_MS)
AHEAD: Final = Closure(3, NOW + 1)


@pytest.mark.parametrize(
    ("setting", "v2", "v3", "tried"),
    [
        ("auto", OPEN, OPEN, ("v2", "v3")),
        ("auto", NEARLY, OPEN, ("v2", "v3")),
        ("auto", CLOSED, OPEN, ("v3",)),
        ("auto", Closure(3, NOW - AGAIN_MS + 1), OPEN, ("v3",)),
        ("auto", OLD, OPEN, ("v2", "v3")),
        ("auto", AHEAD, OPEN, ("v2", "v3")),
        ("auto", CLOSED, CLOSED, ("v2", "v3")),
        ("v2", CLOSED, OPEN, ("v2",)),
        ("v3", OPEN, CLOSED, ("v3",)),
    ],
)
def test_the_apis_of_a_sweep(
    setting: Literal["auto", "v2", "v3"], v2: Closure, v3: Closure, tried: tuple[str, ...]
) -> None:
    assert apis_to_try(setting, v2=v2, v3=v3, now=NOW) == tried


@pytest.mark.parametrize("text", [None, "", "3", "x y", "3 x", "-1 5"])
def test_what_cannot_be_read_means_open(text: str | None) -> None:
    assert Closure.parse(text) == OPEN


def test_what_is_kept_is_read_again() -> None:
    assert Closure.parse(str(CLOSED)) == CLOSED
    assert CLOSED.is_closed
    assert not NEARLY.is_closed
