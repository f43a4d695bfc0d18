"""ParcelLabels of UpdateSoldItems: any fault rejects all labels of the call's order, as the errors 3001 to 3003 say."""

import re
from itertools import pairwise
from typing import Final

from lxml import etree

from aftersend_sandbox.afterbuy.xml import content, read_decimal
from aftersend_sandbox.world.afterbuy_account import AfterbuyOrder, AfterbuyParcelLabel
from aftersend_sandbox.world.world import World

PATH: Final = "ShippingInfo/ParcelLabels/ParcelLabel"
LARGEST_PACKAGE: Final = 999


def label_error(node: "etree._Element", order: AfterbuyOrder, world: World) -> int | None:
    """Return the error code of invalid labels, None if all are valid."""
    labels = node.findall(PATH)
    items = {str(item.item_id) for item in order.items}
    if any(content(each, "ItemID") not in items for each in labels):
        return 3001
    numbers = [content(each, "PackageNumber") or "" for each in labels]
    if not all(each.isdecimal() and 1 <= int(each) <= LARGEST_PACKAGE for each in numbers):
        return 3002
    weights = [content(each, "PackageWeight") for each in labels]
    if not all(not each or re.fullmatch(r"\d+(,\d+)?", each) for each in weights):
        return 2
    rows = [(content(each, "ItemID") or "", int(number)) for each, number in zip(labels, numbers, strict=True)]
    return None if _ascending(rows, per_item=world.switches.package_numbers == "per_item") else 3003


def _ascending(rows: list[tuple[str, int]], *, per_item: bool) -> bool:
    groups = (
        [[number for own, number in rows if own == item] for item, _ in rows] if per_item else [[n for _, n in rows]]
    )
    return all(earlier < later for group in groups for earlier, later in pairwise(group))


def apply_labels(
    node: "etree._Element", order: AfterbuyOrder, changes: dict[str, tuple[str, str]], world: World
) -> None:
    """Replace the labels of the order; an empty element clears them."""
    if node.find("ShippingInfo/ParcelLabels") is None:
        return
    new = [_label(each) for each in node.findall(PATH)]
    if not new and world.switches.empty_element == "ignored":
        return
    old, order.shipping.parcel_labels = order.shipping.parcel_labels, new
    if old != new:
        changes["ShippingInfo/ParcelLabels"] = (_numbers(old), _numbers(new))
    if world.switches.labels_fill_info == "yes" and not order.additional_info:
        order.additional_info = _numbers(new)


def _label(node: "etree._Element") -> AfterbuyParcelLabel:
    quantity, weight = content(node, "PackageQuantity"), content(node, "PackageWeight")
    return AfterbuyParcelLabel(
        item_id=int(content(node, "ItemID") or 0),
        package_number=int(content(node, "PackageNumber") or 0),
        number=content(node, "ParcelLabelNumber") or "",
        return_number=content(node, "ReturnLabelNumber") or "",
        quantity=int(quantity) if quantity and quantity.isdecimal() else None,
        weight=read_decimal(weight) if weight else None,
    )


def _numbers(labels: list[AfterbuyParcelLabel]) -> str:
    return ", ".join(each.number for each in labels)
