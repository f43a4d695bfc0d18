"""Notices: what an order was sent without, although customs or a carrier may ask for it. They stop nothing.

``missing_data`` reads it off the order as it would be sent: for customs, every article needs a tariff number, an
origin and a weight; some countries need a state; a pick-up point needs the recipient's Postnummer. ``fields_left_out``
is for fields that Sendcloud refused. A notice keeps its time while it applies and ends with the first version of the
order that it does not apply to; a label ends them all. They are no part of the fingerprint, so an order is never sent
again for the sake of a notice.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import UNSET

from aftersend.iso3166.subdivisions import needs_state
from aftersend.ledger.entry import Notice, NoticeCode
from aftersend.ledger.index import NOTICE_CODES
from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.rules.post_numbers import pick_up_point

MAX_NOTICES: Final = 20
"""Per order and code: enough to see what is missing."""
_STATE: Final = "shipping_address/state_province_code"
_POST_NUMBER: Final = "service_point_details/post_number"

Notices = tuple[Notice, ...]


def missing_data(known: Notices, push: PushOrder, *, now: int, numbers: Iterable[str] = ()) -> Notices:
    """Return the notices of an order as it is now; those of fields that Sendcloud refused stay.

    ``numbers`` are the paths of tax numbers that it lacks, which the order itself does not show.
    """
    customs = _replaced(known, "customs_incomplete", [*numbers, *_customs_paths(push)], now=now)
    states = _replaced(customs, "state_missing", _state_paths(push), now=now)
    return _replaced(states, "post_number_missing", _post_number_paths(push), now=now)


def fields_left_out(known: Notices, paths: Iterable[str], *, now: int) -> Notices:
    """Return the notices of an order that Sendcloud accepted without these fields."""
    return _replaced(known, "field_left_out", paths, now=now)


def _customs_paths(push: PushOrder) -> Iterator[str]:
    if push.customs_details is UNSET:
        return
    for position, item in enumerate(push.order_details.order_items):
        for name in ("hs_code", "country_of_origin", "measurement"):
            if getattr(item, name) is UNSET:
                yield f"order_details/order_items/{position}/{name}"


def _state_paths(push: PushOrder) -> Iterator[str]:
    address = push.shipping_address
    if needs_state(address.country_code) and address.state_province_code is UNSET:
        yield _STATE


def _post_number_paths(push: PushOrder) -> Iterator[str]:
    if push.service_point_details is UNSET and pick_up_point(push.shipping_address):
        yield _POST_NUMBER


def _replaced(known: Notices, code: NoticeCode, paths: Iterable[str], *, now: int) -> Notices:
    """Replace the notices of one code; what was there keeps its time. The gravest come first."""
    paths = list(paths)
    if not paths and not known:
        return known
    since = {notice.path: notice.since for notice in known if notice.code == code}
    found = [Notice(code=code, since=since.get(path, now), path=path) for path in paths][:MAX_NOTICES]
    others = [notice for notice in known if notice.code != code]
    return tuple(sorted([*others, *found], key=lambda notice: NOTICE_CODES.index(notice.code)))
