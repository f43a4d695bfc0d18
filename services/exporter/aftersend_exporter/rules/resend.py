"""When an order that Sendcloud refused is sent again although it did not change: the cause may lie in Sendcloud.

In the next run, then at growing distances up to a day, until the order is given up. The distances are half an hour
short of full hours, because runs of one schedule do not start to the second. A changed order does not wait.
"""

from typing import Final

from aftersend.ledger.entry import Entry

_HOUR_MS: Final = 3_600_000
_DISTANCES: Final = tuple(int(hours * _HOUR_MS) for hours in (0, 1.5, 3.5, 7.5, 15.5, 23.5))
"""ms, by the number of refusals; the last one goes on."""


def is_refused(entry: Entry) -> bool:
    """Return whether Sendcloud refused this version of the order, whatever came of sending it again."""
    if entry.state == "pushing":
        return entry.refusals > 0
    if entry.state != "problem" or entry.problem is None:
        return False
    return entry.problem.code == "rejected" or (entry.problem.code == "given_up" and entry.refusals > 0)


def resend_due_at(entry: Entry) -> int | None:
    """Return from when (ms) a refused order is sent again; None if it is given up.

    An entry of an earlier version does not count refusals: its first one is known by its problem.
    """
    if entry.problem is None or entry.problem.code == "given_up":
        return None
    if entry.state == "pushing":
        return entry.refused
    distance = _DISTANCES[min(max(entry.refusals, 1), len(_DISTANCES)) - 1]
    return (entry.refused or entry.problem.since) + distance
