"""Desired fields: what Afterbuy should show of an order, a pure function of its entry and the tenant's settings.

Live parcels are shown in parcel order. Numbers and links live in the sealed part of the entry, which expires after the
order is done. If a late event brings such an order back, what is no longer known in clear is recovered from the fields
themselves: the entry still holds a keyed mark of each number and link, and the order that was just read shows the
texts. A value that cannot be recovered either is never a reason to drop anything: the field then keeps what it shows,
character by character, and what is new is appended.
"""

from dataclasses import dataclass

from aftersend.afterbuy.model import Order, ParcelLabel
from aftersend.ledger.entry import Entry, ParcelDetails
from aftersend.tenant.document import WriteBack
from aftersend_writer.rules.carriers import carrier_names
from aftersend_writer.rules.ownership import FieldOwnership, Mac, OwnText, candidates, joined

ADDITIONAL_INFO = "AdditionalInfo"
PARCEL_LABELS = "ParcelLabels"
DELIVERY_SERVICE = "DeliveryService"
LINK_FIELDS = ("VorgangsInfo1", "VorgangsInfo2", "VorgangsInfo3")


@dataclass(frozen=True, slots=True)
class DesiredFields:
    """The desired texts; an empty one leaves the field alone."""

    additional_info: str
    link: str
    """Text of the field that ``spec.writeBack.linkField`` names."""
    carrier: str
    labels: tuple[ParcelLabel, ...]


@dataclass(frozen=True, slots=True)
class _KnownParcel:
    """A live parcel in clear, as far as it is known."""

    number: str
    url: str
    has_url: bool
    carrier: str | None
    """None if the sealed part has gone."""


def desired_fields(entry: Entry, order: Order, settings: WriteBack, mac: Mac) -> DesiredFields:
    """Compute the texts of an order with live parcels; ``order`` is what Afterbuy shows now."""
    live = entry.live
    shown = _values_by_mark(order, mac) if _has_unknown(entry, live) else {}
    parcels = [_resolve(entry, parcel, shown) for parcel in live]
    numbers = [parcel.number for parcel in parcels]
    links = [parcel.url for parcel in parcels if parcel.has_url]
    infos = _infos(parcels, order) if settings.tracking == "link" else numbers
    texts = _FieldTexts(entry, mac)
    return DesiredFields(
        additional_info=texts.desired(ADDITIONAL_INFO, order.additional_info, infos),
        link=texts.desired(settings.link_field, link_text(order, settings), links) if settings.link_field else "",
        carrier=_carriers(parcels, settings),
        labels=_labels(order, numbers) if settings.parcel_labels and all(numbers) else (),
    )


def link_text(order: Order, settings: WriteBack) -> str:
    """The current text of the link field; empty if the tenant configured none."""
    return dict(zip(LINK_FIELDS, order.vorgangs_infos, strict=True)).get(settings.link_field or "", "")


def field_ownership(entry: Entry, mac: Mac) -> FieldOwnership:
    """Collect the values of every parcel that the order ever had, cancelled ones and returns included."""
    clear = [text for details in entry.details.values() for text in (details.number.value, details.url.value)]
    marks = [mark for state in entry.parcels.values() for mark in (state.mark, state.link_mark) if mark]
    return FieldOwnership(values=frozenset(filter(None, clear)), marks=frozenset(marks), mac=mac)


def _resolve(entry: Entry, parcel: str, shown: dict[str, str]) -> _KnownParcel:
    state, details = entry.parcels[parcel], entry.details.get(parcel, ParcelDetails())
    return _KnownParcel(
        number=details.number.value or shown.get(state.mark, ""),
        url=details.url.value or shown.get(state.link_mark, ""),
        has_url=bool(state.link_mark),
        carrier=details.carrier.value if details.number.value else None,
    )


def _has_unknown(entry: Entry, live: list[str]) -> bool:
    states = ((entry.parcels[parcel], entry.details.get(parcel, ParcelDetails())) for parcel in live)
    return any(not known.number.value or (state.link_mark and not known.url.value) for state, known in states)


def _values_by_mark(order: Order, mac: Mac) -> dict[str, str]:
    texts = (order.additional_info, *order.vorgangs_infos, *(label.number for label in order.parcel_labels))
    return {mac(value): value for text in texts for value in candidates(text)}


def _infos(parcels: list[_KnownParcel], order: Order) -> list[str]:
    """Links where there are some; a number in place of a link that is not known only if nothing else is shown."""
    return [
        parcel.url or (parcel.number if not (parcel.has_url and order.additional_info) else "") for parcel in parcels
    ]


@dataclass(frozen=True, slots=True)
class _FieldTexts:
    """The desired texts of the fields that hold joined values."""

    entry: Entry
    mac: Mac

    def desired(self, name: str, current: str, values: list[str]) -> str:
        """The text of a field that shows ``current``; an empty value is one that is not known any more."""
        if all(values):
            return joined(values)
        ownership = field_ownership(self.entry, self.mac)
        own = ownership.read(current, written=self.entry.written.get(name)) or OwnText(current)
        return own.extended(values)


def _carriers(parcels: list[_KnownParcel], settings: WriteBack) -> str:
    codes = [parcel.carrier for parcel in parcels if parcel.carrier is not None]
    return carrier_names(codes, settings.carriers) if len(codes) == len(parcels) else ""


def _labels(order: Order, numbers: list[str]) -> tuple[ParcelLabel, ...]:
    """All labels go to the first item, numbered from 1: which item lies in which parcel is unknown."""
    if not order.items:
        return ()
    item = order.items[0].item_id
    different = dict.fromkeys(numbers)
    return tuple(ParcelLabel(item, str(place), number) for place, number in enumerate(different, start=1))
