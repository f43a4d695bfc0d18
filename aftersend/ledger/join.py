"""Join two entries of one order that grew apart: the live one in Redis, and a saved one of a backup. Pure.

Usually the live one is a descendant of the saved one and holds all it holds; then the result is the live one. But after
a loss of Redis it may have been built anew by a sweep, and each holds what the other does not:

- **Parcels** are joined as observations are (see ``merge``): the later class, the later number, a value stays.
  If that changes what Afterbuy may have to show, the order lags, and the writer compares.
- **Ticks** are united: a tick once set is never repeated. A problem's tag that only the saved one knows of is removed
  in Afterbuy, if it is still there and the problem has ended.
- **Written** marks of the live one count, the saved ones fill gaps.
- **A label** was there, whichever of the two saw it: such an order is never sent again.
- **A tombstone** beats everything, whichever of the two it is: an order that was erased does not return.
- **The export** (state, fingerprint, pushes, refusals, watched, held, problem, notices) is the saved one's only if the
  live entry knows of no transfer. Revisions do not decide here, because a ledger that began anew counts from 1.
"""

import msgspec

from aftersend.ledger.entry import Entry, ParcelDetails, ParcelState, TimedValue
from aftersend.ledger.merge import labelled, later, precedence, view
from aftersend.ledger.tombstone import tombstone


def join(live: Entry, saved: Entry, *, now: int, pickup_matters: bool = True) -> Entry:
    """Return the live entry with what only the saved one holds; the very same if that is nothing. ``now`` in ms."""
    if live.is_forgotten:
        return live
    if saved.is_forgotten:
        erased = tombstone(live, parcels=saved.parcels, now=saved.since)
        return msgspec.structs.replace(erased, touched=saved.touched)
    joined = msgspec.structs.replace(
        _export_state(live, saved),
        parcels=_parcels(live, saved),
        details=_details(live, saved),
        ticks=live.ticks | saved.ticks,
        problem_tag=live.problem_tag or saved.problem_tag,
        written={**saved.written, **live.written},
    )
    if joined.live:
        joined = labelled(joined, now)
    if view(joined, pickup_matters=pickup_matters) == view(live, pickup_matters=pickup_matters):
        return joined
    return msgspec.structs.replace(joined, observed=live.observed + 1, lagging=live.lagging or now)


def _export_state(live: Entry, saved: Entry) -> Entry:
    if saved.state == "labelled":
        return labelled(live, saved.since)
    knows_nothing = live.state == "new" and not live.pushed and not live.problem
    if not knows_nothing or saved.state == "new":
        return live
    return msgspec.structs.replace(
        live,
        state=saved.state,
        since=saved.since,
        fingerprint=saved.fingerprint,
        pushes=saved.pushes,
        pushed=saved.pushed,
        refused=saved.refused,
        refusals=saved.refusals,
        watched=saved.watched,
        held=saved.held,
        problem=saved.problem,
        notices=saved.notices,
    )


def _details(live: Entry, saved: Entry) -> dict[str, ParcelDetails]:
    nothing = ParcelDetails()
    joined = dict(live.details)
    for parcel, details in saved.details.items():
        if not _is_forgotten(parcel, live):
            joined[parcel] = _joined_details(live.details.get(parcel, nothing), details)
    return joined


def _is_forgotten(parcel: str, live: Entry) -> bool:
    """Return True if the live entry held the number once: the sealed part of a done order expires."""
    return parcel not in live.details and parcel in live.parcels and bool(live.parcels[parcel].mark)


def _joined_details(live: ParcelDetails, saved: ParcelDetails) -> ParcelDetails:
    return ParcelDetails(
        number=_later(live.number, saved.number),
        url=_later(live.url, saved.url),
        carrier=_later(live.carrier, saved.carrier),
    )


def _later(live: TimedValue, saved: TimedValue) -> TimedValue:
    return max(live, saved, key=later) if saved.value else live


def _parcels(live: Entry, saved: Entry) -> dict[str, ParcelState]:
    return {
        parcel: _joined_state(parcel, live, saved)
        for parcel in [*live.parcels, *(saved.parcels.keys() - live.parcels.keys())]
    }


def _joined_state(parcel: str, live: Entry, saved: Entry) -> ParcelState:
    mine, theirs = live.parcels.get(parcel), saved.parcels.get(parcel)
    if mine is None or theirs is None:
        return mine or theirs or ParcelState()
    number, link = _marks(parcel, live, saved)
    return msgspec.structs.replace(
        max(mine, theirs, key=precedence),
        collo=max(mine.collo, theirs.collo),
        is_return=mine.is_return or theirs.is_return,
        mark=(theirs.mark if number and theirs.mark else mine.mark) or theirs.mark,
        link_mark=(theirs.link_mark if link and theirs.link_mark else mine.link_mark) or theirs.link_mark,
    )


def _marks(parcel: str, live: Entry, saved: Entry) -> tuple[bool, bool]:
    """Return whether number and link of the saved entry are the later ones, so that its marks count."""
    if _is_forgotten(parcel, live):
        return False, False
    mine, theirs = live.details.get(parcel, ParcelDetails()), saved.details.get(parcel, ParcelDetails())
    return (
        bool(theirs.number.value) and later(theirs.number) > later(mine.number),
        bool(theirs.url.value) and later(theirs.url) > later(mine.url),
    )
