"""The plain fields of UpdateSoldItems: where each element lands in the order, and how its text is read.

``FIELDS`` is the whole table. What is not in it, nor Tags nor ParcelLabels, is ignored, as the real interface ignores
unknown elements; a call that holds nothing else is refused with error 74.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from lxml import etree

from aftersend_sandbox.afterbuy.xml import content, read_decimal, read_moment
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyOrder
from aftersend_sandbox.world.world import World

Changes = dict[str, tuple[str, str]]


def _flag(text: str) -> bool:
    if text not in {"0", "1"}:
        raise ValueError("neither 0 nor 1")
    return text == "1"


@dataclass(frozen=True, slots=True)
class UpdatableField:
    """Attribute path of an order, how to read the text, and what an empty element leaves."""

    path: str
    read: Callable[[str], Any] = str
    empty: Any = ""


_ADDRESS: Final = {
    "FirstName": "first_name",
    "LastName": "last_name",
    "Company": "company",
    "Street": "street",
    "Street2": "street2",
    "PostalCode": "postal_code",
    "City": "city",
    "StateOrProvince": "state",
    "Phone": "phone",
    "Country": "country",
    "CountryISO": "country_iso",
}

FIELDS: Final[dict[str, UpdatableField]] = {
    "AdditionalInfo": UpdatableField("additional_info"),
    "OrderMemo": UpdatableField("memo"),
    "UserComment": UpdatableField("user_comment"),
    "InvoiceMemo": UpdatableField("invoice_memo"),
    "InvoiceNumber": UpdatableField("invoice_number"),
    "MailDate": UpdatableField("mail_at", read_moment, None),
    "ReminderMailDate": UpdatableField("reminder_at", read_moment, None),
    "FeedbackDate": UpdatableField("feedback_at", read_moment, None),
    "XmlDate": UpdatableField("xml_at", read_moment, None),
    "InvoiceDate": UpdatableField("payment.invoice_date", read_moment, None),
    "OrderExported": UpdatableField("exported", _flag, empty=False),
    "HideOrder": UpdatableField("hidden", _flag, empty=False),
    "PaymentInfo/PaymentMethod": UpdatableField("payment.method"),
    "PaymentInfo/PaymentDate": UpdatableField("payment.paid_at", read_moment, None),
    "PaymentInfo/PaymentTransactionID": UpdatableField("payment.transaction_id"),
    "PaymentInfo/AlreadyPaid": UpdatableField("payment.already_paid", read_decimal, None),
    "ShippingInfo/ShippingMethod": UpdatableField("shipping.method"),
    "ShippingInfo/ShippingReturnMethod": UpdatableField("shipping.return_method"),
    "ShippingInfo/ShippingCost": UpdatableField("shipping.cost", read_decimal, 0),
    "ShippingInfo/DeliveryDate": UpdatableField("shipping.dispatched_at", read_moment, None),
    "ShippingInfo/DeliveryService": UpdatableField("shipping.service"),
    "VorgangsInfo/VorgangsInfo1": UpdatableField("infos.0"),
    "VorgangsInfo/VorgangsInfo2": UpdatableField("infos.1"),
    "VorgangsInfo/VorgangsInfo3": UpdatableField("infos.2"),
    **{
        f"BuyerInfo/ShippingAddress/{name}": UpdatableField(f"shipping_address.{own}") for name, own in _ADDRESS.items()
    },
}
"""Element path below Order → where it lands."""

CLEARED_WHEN_OMITTED: Final = {
    "": ("AdditionalInfo", "OrderMemo"),
    "ShippingInfo": ("ShippingInfo/DeliveryDate", "ShippingInfo/DeliveryService"),
    "VorgangsInfo": tuple(f"VorgangsInfo/VorgangsInfo{number}" for number in (1, 2, 3)),
}
"""What the switch ``omitted_element: cleared`` clears, by the section that has to be written ("" = the order)."""

_MAILS: Final = {"ShippingInfo/SendShippingMail": "shipping", "PaymentInfo/SendPaymentMail": "payment"}
_OTHERS: Final = ("Tags", "ShippingInfo/ParcelLabels", "UserDefinedFlag", "Attributes/Attribute", *_MAILS)


def updatable(node: "etree._Element") -> bool:
    """Return True if the ``Order`` element holds anything that can be changed."""
    return any(node.find(path) is not None for path in (*FIELDS, *_OTHERS))


def field_error(node: "etree._Element") -> int | None:
    """Return error 2 if a text of the ``Order`` element cannot be read, else None."""
    try:
        _values(node)
    except ValueError:
        return 2
    return None


def _values(node: "etree._Element") -> dict[str, Any]:
    found = {path: content(node, path) for path in FIELDS}
    return {path: _read(text, FIELDS[path]) for path, text in found.items() if text is not None}


def apply_fields(node: "etree._Element", order: AfterbuyOrder, changes: Changes, world: World) -> None:
    """Write every field that is there and readable (``field_error`` comes first)."""
    values = _values(node)
    if world.switches.empty_element == "ignored":
        values = {path: value for path, value in values.items() if content(node, path)}
    if world.switches.omitted_element == "cleared":
        values |= {path: FIELDS[path].empty for path in _omitted(node) if path not in values}
    for path, value in values.items():
        _write(order, path, value, changes)
    _write_flag(node, order, changes)
    order.mails_sent += [kind for path, kind in _MAILS.items() if content(node, path) == "1"]


def _read(text: str | None, target: UpdatableField) -> Any:  # noqa: ANN401 - the table knows the type
    return target.read(text) if text else target.empty


def _omitted(node: "etree._Element") -> list[str]:
    sections = [section for section in CLEARED_WHEN_OMITTED if not section or node.find(section) is not None]
    return [path for section in sections for path in CLEARED_WHEN_OMITTED[section] if node.find(path) is None]


def _write(order: AfterbuyOrder, path: str, value: object, changes: Changes) -> None:
    place, _, name = FIELDS[path].path.rpartition(".")
    if place == "infos":
        old: object = order.infos[int(name)]
        order.infos[int(name)] = str(value)
    else:
        if place == "shipping_address" and order.shipping_address is None:
            order.shipping_address = AfterbuyAddress()
        holder = getattr(order, place) if place else order
        old = getattr(holder, name)
        setattr(holder, name, value)
    if old != value:
        changes[path] = (_text(old), _text(value))


def _write_flag(node: "etree._Element", order: AfterbuyOrder, changes: Changes) -> None:
    flag = content(node, "UserDefinedFlag")
    if flag and flag.isdecimal():
        for item in order.items:
            if item.flag != int(flag):
                changes["UserDefinedFlag"] = (str(item.flag), flag)
            item.flag = int(flag)


def _text(value: object) -> str:
    return "" if value is None else str(value)
