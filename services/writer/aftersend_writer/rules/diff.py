"""Diff: what has to be written to Afterbuy so that an order shows the desired fields. Pure.

- No live parcel is left: the fields stay as they are. If they show a number of ours: problem ``withdrawn``.
- A field holds a person's edit: nothing at all is written to that order; problem ``conflict`` names the field.
- Else every field that differs is written. The carrier goes with the number: where the number stays, a carrier that a
  person changed stays, too.
- The tag is *added*, once per order. The dispatch date is set once, and never over an existing one. Both are noted as
  ticks of the entry, so that what a person removes stays away.

Applying the change and comparing again gives nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypedDict

from msgspec.structs import replace

from aftersend.afterbuy.model import Order, OrderChange, ParcelLabel
from aftersend.ledger.entry import Entry, ProblemCode
from aftersend.tenant.document import WriteBack
from aftersend_writer.rules.desired_fields import (
    ADDITIONAL_INFO,
    DELIVERY_SERVICE,
    LINK_FIELDS,
    PARCEL_LABELS,
    DesiredFields,
    desired_fields,
    field_ownership,
    link_text,
)
from aftersend_writer.rules.ownership import FieldOwnership, Mac, is_same


@dataclass(frozen=True, slots=True)
class OrderProblem:
    """Why a person must look at an order."""

    code: ProblemCode
    path: str = ""


@dataclass(frozen=True, slots=True)
class Diff:
    """What to write to an order, or why not; and which of the ledger's facts the order shows."""

    change: OrderChange
    problem: OrderProblem | None = None
    texts: dict[str, str] = field(default_factory=dict)
    """Field name -> our text in it, once the change is written."""
    has_tag: bool = False
    is_shipped: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The tenant's rules of the comparison. ``now`` returns the dispatch date, where one is due."""

    settings: WriteBack
    mac: Mac
    now: Callable[[], datetime]


def compare(entry: Entry, order: Order, rules: Rules, *, full: bool = False) -> Diff:
    """Compare one order as it was just read with its entry.

    ``full`` is for an order that lost what was just written to it: if any text differs, the change holds all of them.
    """
    ownership = field_ownership(entry, rules.mac)
    if not entry.live:
        withdrawn = _is_withdrawn(entry, order, ownership)
        return Diff(OrderChange(entry.order), OrderProblem("withdrawn") if withdrawn else None)
    edited = _edited_field(entry, order, rules.settings, ownership)
    if edited:
        return Diff(OrderChange(entry.order), OrderProblem("conflict", edited))
    desired = desired_fields(entry, order, rules.settings, rules.mac)
    texts = _texts(entry, order, rules, desired)
    change = _difference(entry, order, rules, texts, desired.labels)
    if full and not replace(change, add_tags=(), parcel_labels=()).is_empty:
        change = _everything(change, texts, order)
    return Diff(change, texts=texts, has_tag=has_tag(order, rules.settings.tag), is_shipped=order.is_dispatched)


def has_tag(order: Order, tag: str) -> bool:
    """Return True if the order shows the tag in any letter case; whether case matters to Afterbuy is unverified."""
    return bool(shown_tags(order, tag))


def shown_tags(order: Order, tag: str) -> frozenset[str]:
    """Return the tags of an order that are this one, as the order spells them."""
    wanted = tag.strip().casefold()
    return frozenset(shown for shown in order.tags if shown.strip().casefold() == wanted)


def _is_withdrawn(entry: Entry, order: Order, ownership: FieldOwnership) -> bool:
    cancelled = any(state.mark and not state.is_return for state in entry.parcels.values())
    shown = order.additional_info
    return cancelled and bool(shown) and ownership.owns(shown, written=entry.written.get(ADDITIONAL_INFO))


def _edited_field(entry: Entry, order: Order, settings: WriteBack, ownership: FieldOwnership) -> str:
    """Return the name of the first field that holds a person's edit, or an empty text."""
    fields = [(ADDITIONAL_INFO, order.additional_info)]
    if settings.link_field:
        fields.append((settings.link_field, link_text(order, settings)))
    if settings.parcel_labels:
        fields += [(PARCEL_LABELS, label.number) for label in order.parcel_labels]
    return next((name for name, text in fields if not ownership.owns(text, written=entry.written.get(name))), "")


def _texts(entry: Entry, order: Order, rules: Rules, desired: DesiredFields) -> dict[str, str]:
    """Return the desired texts by field; without the carrier where a person changed it."""
    texts = {ADDITIONAL_INFO: desired.additional_info, rules.settings.link_field or "": desired.link}
    with_number = not is_same(order.additional_info, desired.additional_info)
    if with_number or _is_our_carrier(entry, order.delivery_service, desired.carrier, rules.mac):
        texts[DELIVERY_SERVICE] = desired.carrier
    return {name: text for name, text in texts.items() if name and text}


def _is_our_carrier(entry: Entry, shown: str, wanted: str, mac: Mac) -> bool:
    return not shown or is_same(shown, wanted) or mac(shown) == entry.written.get(DELIVERY_SERVICE)


def _difference(
    entry: Entry, order: Order, rules: Rules, texts: Mapping[str, str], labels: tuple[ParcelLabel, ...]
) -> OrderChange:
    shown = {ADDITIONAL_INFO: order.additional_info, DELIVERY_SERVICE: order.delivery_service}
    shown |= dict(zip(LINK_FIELDS, order.vorgangs_infos, strict=True))
    different = {name: text for name, text in texts.items() if not is_same(shown[name], text)}
    return OrderChange(
        order_id=entry.order,
        **_fields(different),
        dispatched_at=rules.now() if _is_dispatch_due(entry, order, rules.settings) else None,
        parcel_labels=() if set(labels) <= set(order.parcel_labels) else labels,
        add_tags=(rules.settings.tag,) if _is_tag_due(entry, order, rules.settings) else (),
    )


def _everything(change: OrderChange, texts: Mapping[str, str], order: Order) -> OrderChange:
    return replace(change, **_fields(texts), dispatched_at=order.dispatched_at or change.dispatched_at)


class _Fields(TypedDict):
    additional_info: str | None
    delivery_service: str | None
    vorgangs_info: tuple[int, str] | None


def _fields(texts: Mapping[str, str]) -> _Fields:
    links = ((number, texts[name]) for number, name in enumerate(LINK_FIELDS, start=1) if name in texts)
    return {
        "additional_info": texts.get(ADDITIONAL_INFO),
        "delivery_service": texts.get(DELIVERY_SERVICE),
        "vorgangs_info": next(links, None),
    }


def _is_dispatch_due(entry: Entry, order: Order, settings: WriteBack) -> bool:
    if "shipped" in entry.ticks or order.is_dispatched:
        return False
    if settings.mark_shipped == "onPickup":
        return any(entry.parcels[parcel].is_picked_up for parcel in entry.live)
    return settings.mark_shipped == "onLabel"


def _is_tag_due(entry: Entry, order: Order, settings: WriteBack) -> bool:
    return bool(settings.tag.strip()) and "tag" not in entry.ticks and not has_tag(order, settings.tag)
