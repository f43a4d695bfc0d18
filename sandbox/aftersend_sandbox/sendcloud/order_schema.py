"""What v3 ``POST /orders`` demands of one order, field by field."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Final

from aftersend_sandbox.sendcloud.schema import (
    Check,
    SchemaError,
    anything,
    choice,
    flag,
    listing,
    mapping,
    moment,
    number,
    record,
    text,
    whole,
    with_rule,
)
from aftersend_sandbox.switches import Switches

THREE: Final = ("EUR", "GBP", "USD")
TAX_NUMBERS: Final = ("VAT", "EIN", "GST", "SSN", "EORI", "IOSS", "UKIMS")
NUMBERED: Final = {"DE", "NL", "BE"}
"""Countries whose addresses need a house number, if the switch says so."""


def _currency(switches: Switches) -> Check:
    length = text(least=3, most=3, pattern="[A-Z]{3}")
    return with_rule(length, choice(*THREE)) if switches.currencies == "three" else length


def _money(switches: Switches, *, also_text: bool = False) -> Check:
    return record({"value": number(places=2, also_text=also_text), "currency": _currency(switches)})


def _measurement() -> Check:
    weight = record({"value": number(above=0), "unit": choice("kg", "g", "lbs", "oz")})
    length = number(above=0)
    dimension = record(
        {"length": length, "width": length, "height": length, "unit": choice("cm", "mm", "m", "yd", "ft", "in")}
    )
    volume = record({"value": whole(least=1), "unit": choice("m3", "cm3", "l", "ml", "gal")})
    return record({}, {"weight": weight, "dimension": dimension, "volume": volume})


def _item(switches: Switches) -> Check:
    required = {"name": text(least=1), "quantity": whole(least=1), "total_price": _money(switches)}
    optional: dict[str, Check] = dict.fromkeys(
        ("item_id", "product_id", "variant_id", "description", "sku", "ean"), text()
    )
    optional |= dict.fromkeys(("mid_code", "material_content", "intended_use"), text())
    optional |= {
        "image_url": text(),
        "hs_code": text(most=12),
        "country_of_origin": text(pattern="[A-Z]{2}"),
        "properties": mapping,
        "unit_price": _money(switches),
        "measurement": _measurement(),
        "delivery_dates": record({}, {"handover_at": moment, "deliver_at": moment}),
        "dangerous_goods": mapping,
    }
    return with_rule(record(required, optional), _image_needs_product)


def _image_needs_product(item: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    if item.get("image_url") and not item.get("product_id"):
        yield SchemaError(f"{path}/product_id", "required", "product_id is required when image_url is given")


def _address(switches: Switches) -> Check:
    required: dict[str, Check] = dict.fromkeys(("name", "address_line_1", "postal_code", "city"), text(least=1))
    required["country_code"] = text(pattern="[A-Z]{2}")
    optional = dict.fromkeys(
        ("company_name", "house_number", "address_line_2", "po_box", "state_province_code", "phone_number"), text()
    )
    optional["email"] = text(pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+|")
    check = record(required, optional)
    return with_rule(check, _house_number) if switches.house_number == "required" else check


def _house_number(address: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    if address["country_code"] in NUMBERED and not address.get("house_number"):
        yield SchemaError(f"{path}/house_number", "required", "Field required")


def _details(switches: Switches) -> Check:
    status = record({"code": text(least=1)}, {"message": text()})
    required = {
        "integration": record({"id": whole(least=1)}),
        "status": status,
        "order_created_at": moment,
        "order_items": listing(_item(switches), least=1),
    }
    return record(required, {"order_updated_at": moment, "notes": text(), "tags": listing(text(least=1))})


def _payment(switches: Switches) -> Check:
    status = record({"code": text(least=1), "message": text()})
    plain = ("subtotal_price", "estimated_shipping_price", "estimated_tax_price")
    costs = ("discount_granted", "insurance_costs", "freight_costs", "other_costs")
    optional: dict[str, Check] = dict.fromkeys(plain, _money(switches))
    optional |= dict.fromkeys(costs, _money(switches, also_text=True))
    optional |= {"is_cash_on_delivery": flag, "invoice_date": text(pattern=r"\d{4}-\d{2}-\d{2}")}
    return record({"total_price": _money(switches), "status": status}, optional)


def _customs(switches: Switches) -> Check:
    known: dict[str, Check] = {
        "commercial_invoice_number": text(most=40),
        "shipment_type": choice("gift", "commercial_goods", "commercial_sample", "returned_goods"),
        "export_type": choice("private", "commercial_b2c", "commercial_b2b"),
    }
    if switches.tax_numbers != "unknown_field":
        taxed = dict.fromkeys(("sender", "receiver", "importer_of_record"), listing(_tax_number(switches)))
        known["tax_numbers"] = record({}, taxed)
    return record({}, known)


def _tax_number(switches: Switches) -> Check:
    check = record({"name": choice(*TAX_NUMBERS), "country_code": text(pattern="[A-Z]{2}"), "value": text(least=1)})
    return with_rule(check, _refused_value) if switches.tax_numbers == "refused" else check


def _refused_value(_number: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    yield SchemaError(f"{path}/value", "invalid", "Tax number is not valid")


def _shipping() -> Check:
    properties = record({"shipping_option_code": text(least=1)}, {"contract_id": whole()})
    ship_with = record({"type": choice("shipping_option_code"), "properties": properties})
    return record(
        {},
        {
            "is_local_pickup": flag,
            "delivery_indicator": text(),
            "measurement": _measurement(),
            "ship_with": ship_with,
        },
    )


def _service_point(switches: Switches) -> Check:
    names = ("id", "carrier_service_point_id", "post_number", "latitude", "longitude", "type")
    check = record({}, {**dict.fromkeys(names, text()), "extra_data": anything})
    return with_rule(check, _point_id) if switches.service_point_id == "required" else check


def _point_id(point: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    if not point.get("id") and not point.get("carrier_service_point_id"):
        yield SchemaError(f"{path}/id", "required", "Field required")


def order_schema(switches: Switches) -> Check:
    """Make the schema of one order under the present switches."""
    order = record(
        {
            "order_id": text(least=1, most=64),
            "order_number": text(least=1, most=255),
            "order_details": _details(switches),
            "payment_details": _payment(switches),
        },
        {
            "id": text(least=1),
            "shipping_address": _address(switches),
            "billing_address": _address(switches),
            "customer_details": record({"name": text(least=1)}, {"phone_number": text(), "email": text()}),
            "shipping_details": _shipping(),
            "service_point_details": _service_point(switches),
            "customs_details": _customs(switches),
        },
    )
    return with_rule(order, _within_total) if switches.declared_weight == "checked" else order


def _within_total(order: Any, path: str) -> Iterator[SchemaError]:  # noqa: ANN401 - JSON
    total = _weight(order.get("shipping_details"))
    pieces = [_weight(item) * item["quantity"] for item in order["order_details"]["order_items"]]
    if total and sum(pieces) > total:
        detail = "The total weight for declared items exceeds the total weight set for the shipment."
        yield SchemaError(f"{path}/shipping_details/measurement/weight/value", "invalid", detail)


def _weight(holder: Any) -> Decimal:  # noqa: ANN401 - JSON
    """Return a weight in kg, as this bridge sends it; 0 where there is none."""
    weight = ((holder or {}).get("measurement") or {}).get("weight") or {}
    return Decimal(str(weight.get("value", 0))) if weight.get("unit") == "kg" else Decimal()
