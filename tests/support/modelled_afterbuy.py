"""A model of Afterbuy for pure tests: orders, and the effect of a change on them."""

from typing import Any

from msgspec.structs import replace

from aftersend.afterbuy.model import Order, OrderChange, ParcelLabel, PostalAddress, SoldItem

ITEM = SoldItem(item_id="41", title="Teekanne", quantity=1, price=None, weight=None)


def order(order_id: str = "700", **fields: Any) -> Order:
    defaults: dict[str, Any] = {
        "order_id": order_id,
        "ordered_at": None,
        "billing": PostalAddress(),
        "shipping": None,
        "items": (ITEM, replace(ITEM, item_id="42")),
    }
    return Order(**{**defaults, **fields})


def after(shown: Order, change: OrderChange) -> Order:
    """The order once Afterbuy has carried out the change: what is left out stays."""
    infos = list(shown.vorgangs_infos)
    if change.vorgangs_info:
        infos[change.vorgangs_info[0] - 1] = change.vorgangs_info[1]
    return replace(
        shown,
        additional_info=shown.additional_info if change.additional_info is None else change.additional_info,
        vorgangs_infos=(infos[0], infos[1], infos[2]),
        delivery_service=change.delivery_service or shown.delivery_service,
        dispatched_at=change.dispatched_at or shown.dispatched_at,
        parcel_labels=_relabelled(shown.parcel_labels, change.parcel_labels),
        tags=shown.tags | set(change.add_tags),
    )


def _relabelled(shown: tuple[ParcelLabel, ...], new: tuple[ParcelLabel, ...]) -> tuple[ParcelLabel, ...]:
    labels = {(label.item_id, label.package_number): label for label in (*shown, *new)}
    return tuple(labels.values())
