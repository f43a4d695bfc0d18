"""The rules of the way back: what Afterbuy shows once labels are printed, relabelled and cancelled."""

from collections.abc import Iterator

from aftersend_sandbox.rules import expected
from aftersend_sandbox.rules.rule import Case
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder
from aftersend_sandbox.world.sendcloud_account import SendcloudParcel
from aftersend_sandbox.world.world import World

TAG = "Sendcloud abgeschlossen"


def labelled(world: World) -> Iterator[tuple[AfterbuyOrder, list[SendcloudParcel]]]:
    """Transferred orders that have at least one parcel with a number, returns left out."""
    for order, _ in expected.transferred(world):
        key = f"afterbuy-{order.order_id}"
        parcels = [
            parcel
            for parcel in world.sendcloud.parcels.of_number(str(order.order_id))
            if parcel.tracking_number and not parcel.is_return and parcel.external_order_id in {key, str(parcel.id), ""}
        ]
        if parcels:
            yield order, sorted(parcels, key=lambda parcel: (parcel.collo_nr, parcel.id))


def live(parcels: list[SendcloudParcel]) -> list[SendcloudParcel]:
    """Those that were not cancelled."""
    return [parcel for parcel in parcels if not parcel.cancelled]


def edited(world: World, order: AfterbuyOrder) -> str | None:
    """What a person put into the number field after the transfer, if at all."""
    for entry in reversed(world.journal.entries):
        if entry.api == "control" and entry.key == str(order.order_id) and "number" in entry.detail:
            return str(entry.detail["number"])
    return None


def numbers(world: World) -> Iterator[Case]:
    """AdditionalInfo holds all live numbers in parcel order."""
    for order, parcels in labelled(world):
        if live(parcels) and not edited(world, order):
            wanted = ", ".join(parcel.tracking_number for parcel in live(parcels))
            yield str(order.order_id), order.additional_info == wanted


def several(world: World) -> Iterator[Case]:
    """The same for orders of several parcels."""
    many = {str(order.order_id) for order, parcels in labelled(world) if len(live(parcels)) > 1}
    return (case for case in numbers(world) if case[0] in many)


def relabelled(world: World) -> Iterator[Case]:
    """The same for orders of which one label was cancelled and another lives."""
    again = {str(order.order_id) for order, parcels in labelled(world) if 0 < len(live(parcels)) < len(parcels)}
    return (case for case in numbers(world) if case[0] in again)


def withdrawn(world: World) -> Iterator[Case]:
    """The last label was cancelled: the field is never emptied."""
    for order, parcels in labelled(world):
        if not live(parcels) and not edited(world, order):
            changes = [change.get("AdditionalInfo") for change in world.journal.writes.get(order.order_id, ())]
            yield str(order.order_id), all(change is None or change[1] for change in changes)


def carriers(world: World) -> Iterator[Case]:
    """The carrier stands beside the number."""
    for order, parcels in labelled(world):
        if live(parcels) and not edited(world, order):
            yield str(order.order_id), bool(order.shipping.service)


def tags(world: World) -> Iterator[Case]:
    """Every order with a live number has got the tag, exactly once."""
    for order, parcels in labelled(world):
        if live(parcels) and not edited(world, order):
            yield str(order.order_id), world.journal.tags_added[order.order_id, TAG] == 1


def tags_removed(world: World) -> Iterator[Case]:
    """A tag that a person took away does not come back."""
    for entry in world.journal.entries:
        if entry.api == "control" and entry.detail.get("tag") == TAG and entry.key.isdigit():
            order = world.afterbuy.orders.get(int(entry.key))
            yield entry.key, order is not None and TAG not in order.tags


def edits(world: World) -> Iterator[Case]:
    """What a person wrote into the number field stays."""
    for order, _ in labelled(world):
        text = edited(world, order)
        if text:
            yield str(order.order_id), order.additional_info == text


def nothing_unlabelled(world: World) -> Iterator[Case]:
    """An order without any label of its own is not written to: returns and foreign parcels touch nothing."""
    done = {order.order_id for order, _ in labelled(world)}
    for order in world.afterbuy.orders:
        if order.order_id not in done:
            yield str(order.order_id), not any(world.journal.writes.get(order.order_id, ()))


RULES = (
    ("numbers", "every live parcel number is in Afterbuy, in parcel order", numbers),
    ("several", "several parcels: all numbers, separated by commas", several),
    ("relabel", "a new label replaces the number of the cancelled one", relabelled),
    ("withdrawn", "the last label was cancelled: the number stays", withdrawn),
    ("carrier", "the carrier stands beside the number", carriers),
    ("tag", "the tag is there and was added exactly once", tags),
    ("tag-removed", "a tag that a person removed does not come back", tags_removed),
    ("edits", "a number that a person typed is left alone", edits),
    ("untouched", "returns, foreign parcels and unlabelled orders change nothing", nothing_unlabelled),
)
