"""Which orders are pushed together, and what to do after a refusal.

Sendcloud takes up to 100 orders at once, all or nothing. A refusal may name the bad ones, only some of them, or none:

    named some    those are bad; the rest is sent again, together
    named none    the group is halved, down to single orders; a single one that is refused is bad

``deliver`` is a generator without I/O: it yields groups of positions to send and receives the answer for each. Every
order ends in exactly one accepted group or is bad. A group that is halved or refused costs one call, and there are
fewer than two such groups per order, so the number of calls is bounded by twice the number of orders.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

BATCH = 100
"""Orders that one call takes."""
_UNNAMED = ("refused", "")


@dataclass(frozen=True, slots=True)
class GroupRefused:
    """Nothing of the group was taken; ``bad``: place in the group -> (code, path), as far as Sendcloud named any."""

    bad: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    reason: tuple[str, str] = _UNNAMED
    """(code, path) of the refusal as a whole: what a single order gets that was refused without being named."""


@dataclass(frozen=True, slots=True)
class GroupAccepted:
    """The whole group was taken."""


Group = Sequence[int]
Bad = dict[int, tuple[str, str]]


def deliver(count: int) -> Generator[Group, GroupAccepted | GroupRefused, Bad]:
    """Yield groups of positions (0 to ``count`` - 1) to send; return the bad ones with what is wrong with each."""
    groups: list[Group] = [range(start, min(start + BATCH, count)) for start in range(0, count, BATCH)]
    groups.reverse()
    bad: Bad = {}
    while groups:
        group = groups.pop()
        answer = yield group
        if isinstance(answer, GroupRefused):
            named = found(group, answer)
            bad.update(named)
            groups.extend(reversed(_again(group, named)))
    return bad


def found(group: Group, answer: GroupRefused) -> Bad:
    """Return the positions that are certainly bad; places that the group does not have are ignored."""
    named = {group[place]: fault for place, fault in answer.bad.items() if 0 <= place < len(group)}
    if not named and len(group) == 1:
        return {group[0]: answer.reason}
    return named


def _again(group: Group, named: Bad) -> list[Group]:
    """Return which positions of a refused group have to be sent again, in groups."""
    if named:
        rest = [position for position in group if position not in named]
        return [rest] if rest else []
    half = len(group) // 2
    return [group[:half], group[half:]]
