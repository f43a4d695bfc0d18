"""Merge one observation of a parcel into the order's entry: pure, and independent of the order of arrival.

Webhooks arrive doubled, late and out of order, and the sweep repeats them all. So the state of a parcel is made only of
parts whose merge is commutative, associative and idempotent:

- The **class** is a register: the later time wins; at equal times a reported time beats an assumed one, then the
  rank decides: revived > cancelled > delivered > transit > label > open. Status 94 ("cancellation failed") is the
  revival.
- An unknown status, and one that only announces a cancellation, has no class: it moves neither class nor time.
- **Number, link and carrier** are registers of their own. The later one wins, and an empty value never replaces
  another.
- **is_return** never goes away, and the highest **collo** stays (an event without one says 0).

An event without a time gets the time of its receipt, and is marked as assumed so that it loses ties.

``observed`` is raised exactly if something changed that Afterbuy may have to show; an order whose ``observed`` is
ahead of ``applied`` is lagging until the writer has caught up.
"""

from collections.abc import Callable

import msgspec

from aftersend.ledger.entry import Entry, ParcelDetails, ParcelState, ProblemCode, TimedValue
from aftersend.sendcloud.model import ParcelClass, ParcelEvent
from aftersend.sendcloud.status import CANCELLATION_FAILED, parcel_class

_RANK = {klass: rank for rank, klass in enumerate(ParcelClass)}
_REVIVED = len(_RANK)
_SETTLED_BY_A_LABEL: frozenset[ProblemCode] = frozenset(
    {"rejected", "not_saved", "unreadable", "deleted_in_sendcloud", "given_up", "too_late"}
)

Mac = Callable[[str], str]


def merge(entry: Entry, event: ParcelEvent, mac: Mac, *, pickup_matters: bool = True) -> Entry:
    """Return the entry with this observation in it; the very same entry if it is nothing new.

    ``mac`` makes the keyed marks of numbers and links. ``pickup_matters`` is False for tenants whose orders never get
    a dispatch date at pick-up: then the way to the customer is kept, but is no reason to write.
    """
    known, before = entry.details.get(event.parcel, ParcelDetails()), entry.parcels.get(event.parcel)
    details = _join_details(known, event)
    state = _join_state(before or ParcelState(), event, details, mac)
    if (state, details) == (before, known):
        return entry
    merged = msgspec.structs.replace(
        entry,
        parcels={**entry.parcels, event.parcel: state},
        details={**entry.details, event.parcel: details} if details != ParcelDetails() else entry.details,
    )
    if merged.live:
        merged = labelled(merged, event.received)
    if view(merged, pickup_matters=pickup_matters) == view(entry, pickup_matters=pickup_matters):
        return merged
    return msgspec.structs.replace(merged, observed=entry.observed + 1, lagging=entry.lagging or event.received)


def _join_details(known: ParcelDetails, event: ParcelEvent) -> ParcelDetails:
    return ParcelDetails(
        number=_later(known.number, event.number, event),
        url=_later(known.url, event.url, event),
        carrier=_later(known.carrier, event.carrier, event),
    )


def _later(known: TimedValue, value: str, event: ParcelEvent) -> TimedValue:
    if not value:
        return known
    time, assumed = _time(event)
    new = TimedValue(value=value, time=time, assumed=assumed)
    return max(known, new, key=later)


def later(field: TimedValue) -> tuple[int, bool, str]:
    """Return the sort key of a value: the greater one counts."""
    return field.time, not field.assumed, field.value


def _join_state(known: ParcelState, event: ParcelEvent, details: ParcelDetails, mac: Mac) -> ParcelState:
    return msgspec.structs.replace(
        _join_class(known, event),
        collo=max(known.collo, event.collo),
        is_return=known.is_return or event.is_return,
        mark=mac(details.number.value) if details.number.value else known.mark,
        link_mark=mac(details.url.value) if details.url.value else known.link_mark,
    )


def _join_class(known: ParcelState, event: ParcelEvent) -> ParcelState:
    klass = parcel_class(event.status)
    if klass is None:
        return known
    time, assumed = _time(event)
    revived = event.status == CANCELLATION_FAILED
    new = msgspec.structs.replace(known, klass=klass, time=time, assumed=assumed, revived=revived)
    return max(known, new, key=precedence)


def precedence(state: ParcelState) -> tuple[int, bool, int]:
    """Return the sort key of an observation: the greater one decides the class of its parcel."""
    return state.time, not state.assumed, _REVIVED if state.revived else _RANK[state.klass]


def _time(event: ParcelEvent) -> tuple[int, bool]:
    """Return the time of an event, never after its receipt, and whether that had to be assumed."""
    return (event.received, True) if event.time is None else (min(event.time, event.received), False)


def labelled(entry: Entry, now: int) -> Entry:
    """Mark an order as labelled: a live label ends the export, its notices, and the problems that hindered it."""
    settled = entry.problem is not None and entry.problem.code in _SETTLED_BY_A_LABEL and entry.state != "labelled"
    return msgspec.structs.replace(
        entry,
        state="labelled",
        since=entry.since if entry.state == "labelled" else now,
        watched=0,
        held=None,
        problem=None if settled else entry.problem,
        notices=(),
    )


def view(entry: Entry, *, pickup_matters: bool) -> list[tuple[object, ...]]:
    """Return what Afterbuy may have to show: every live parcel, in parcel order."""
    return [
        (
            parcel,
            entry.parcels[parcel].mark,
            entry.parcels[parcel].link_mark,
            entry.details.get(parcel, ParcelDetails()).carrier.value,
            pickup_matters and entry.parcels[parcel].is_picked_up,
        )
        for parcel in entry.live
    ]
