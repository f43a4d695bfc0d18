"""An order of the simulated Afterbuy as the ``Order`` element of GetSoldItems.

Every documented element is there, in Afterbuy's own spelling mistakes (``ContainseBayPlusTransaction``). With the
switch ``odd_spelling`` the letter case of some names and the order of the sections change from order to order, as the
samples of the real interface do: a client must not depend on either.
"""

from decimal import Decimal
from typing import Final

from lxml import etree

from aftersend_sandbox.afterbuy.xml import berlin, decimal_comma, put, put_prose
from aftersend_sandbox.switches import Switches
from aftersend_sandbox.world.afterbuy_account import AfterbuyAddress, AfterbuyItem, AfterbuyOrder, AfterbuyParcelLabel

PAYMENT, BUYER, ITEMS, SHIPPING, ATTRIBUTES = 2, 4, 8, 16, 32
LEVELS: Final = PAYMENT | BUYER | ITEMS | SHIPPING | ATTRIBUTES
GRAMS: Final = 1000
RAW: Final = "raw-text-of-"
"""Stands, with the OrderID or ProductID, for a text that the server puts in without escaping."""


def add_order(orders: "etree._Element", order: AfterbuyOrder, level: int, switches: Switches) -> None:
    """Append one order; ``level`` is the request's DetailLevel."""
    level = level or (0 if switches.detail_level_zero == "order_only" else LEVELS)
    node = put(orders, "Order")
    _process(node, order, switches)
    if level & PAYMENT:
        _payment(node, order)
    if level & BUYER:
        _buyer(node, order, switches)
    if level & (ITEMS | ATTRIBUTES):
        _items(node, order, switches)
    if level & SHIPPING:
        _shipping(node, order, switches)
    if switches.tags_level == "any" or level & (ITEMS | ATTRIBUTES):
        _tags(node, order, switches)
    if switches.odd_spelling == "yes" and order.order_id % 3 == 1:
        for child in list(node)[:4]:
            node.append(child)
    _spell(node, order)


def _spell(node: "etree._Element", order: AfterbuyOrder) -> None:
    """Leave out the order's missing sections until it is shipped, and write some elements as people do."""
    for section in () if order.shipping.service else order.missing_sections:
        for each in node.findall(section):
            node.remove(each)
    for path, text in order.spelled.items():
        for each in node.findall(path):
            each.text = text


def _process(node: "etree._Element", order: AfterbuyOrder, switches: Switches) -> None:
    put(node, "InvoiceNumber", order.invoice_number)
    put(node, "OrderID", str(order.order_id if order.is_order else 0))
    put(node, "OrderIDAlt", order.external_order)
    first = order.items[0] if order.items else None
    platform = first.platform.lower() if first else ""
    put(node, "EbayAccount", order.account if platform == "ebay" else "")
    put(node, "AmazonAccount", order.account if platform == "amazon" else "")
    put(node, "Anr", first.anr if first else "")
    put(node, "OrderDate", berlin(order.ordered_at))
    put(node, "FeedbackDate", berlin(order.feedback_at))
    if order.raw_comment:
        put(node, "UserComment", f"{RAW}{order.order_id}")
    else:
        put_prose(node, "UserComment", order.user_comment, switches)
    put_prose(node, "Memo", order.memo, switches)
    put_prose(node, "InvoiceMemo", order.invoice_memo, switches)
    put_prose(node, "AdditionalInfo", order.additional_info, switches)
    put_prose(node, "TrackingLink", order.tracking_link, switches)
    put(node, "IsCheckoutConfirmedByCustomer", str(int(order.checkout_confirmed)))
    put(node, "ContainseBayPlusTransaction", "false")
    infos = put(node, "VorgangsInfo")
    for number, text in enumerate(order.infos, start=1):
        put_prose(infos, f"VorgangsInfo{number}", text, switches)


def _payment(node: "etree._Element", order: AfterbuyOrder) -> None:
    payment, info = order.payment, put(node, "PaymentInfo")
    put(info, "PaymentID", payment.payment_id)
    put(info, "PaymentMethod", payment.method)
    put(info, "PaymentFunction", payment.function)
    put(info, "PaymentTransactionID", payment.transaction_id)
    put(info, "PaymentDate", berlin(payment.paid_at))
    put(info, "AlreadyPaid", decimal_comma(payment.already_paid))
    put(info, "FullAmount", decimal_comma(payment.full_amount))
    put(info, "InvoiceDate", berlin(payment.invoice_date, "%d.%m.%Y"))
    put(node, "OrderOriginalCurrency")


def _buyer(node: "etree._Element", order: AfterbuyOrder, switches: Switches) -> None:
    info = put(node, "BuyerInfo")
    billing = put(info, "BillingAddress")
    put(billing, "AfterbuyUserID", str(order.billing.user_id or order.order_id))
    put(billing, "UserIDPlattform", order.billing.platform_user)
    put(billing, "Title", order.billing.title)
    _address(billing, order.billing, switches, iso="CountryISO")
    put(billing, "Fax", order.billing.fax)
    put_prose(billing, "Mail", order.billing.mail, switches)
    put(billing, "IsMerchant", str(int(order.billing.is_merchant)))
    if order.shipping_address:
        odd = switches.odd_spelling == "yes" and order.order_id % 2 == 1
        _address(
            put(info, "ShippingAddress"), order.shipping_address, switches, iso="countryISO" if odd else "CountryISO"
        )


def _address(node: "etree._Element", address: AfterbuyAddress, switches: Switches, *, iso: str) -> None:
    put_prose(node, "FirstName", address.first_name, switches)
    put_prose(node, "LastName", address.last_name, switches)
    put_prose(node, "Company", address.company, switches)
    put_prose(node, "Street", address.street, switches)
    put_prose(node, "Street2", address.street2, switches)
    put(node, "PostalCode", address.postal_code)
    put_prose(node, "City", address.city, switches)
    put_prose(node, "StateOrProvince", address.state, switches)
    put(node, "Phone", address.phone)
    put(node, "Country", address.country)
    put(node, iso, address.country_iso)
    put(node, "TaxIDNumber", address.tax_id)


def _items(node: "etree._Element", order: AfterbuyOrder, switches: Switches) -> None:
    sold = put(node, "SoldItems")
    put(sold, "ItemsInOrder", str(len(order.items)))
    for item in order.items:
        _item(put(sold, "SoldItem"), item, order, switches)


def _item(node: "etree._Element", item: AfterbuyItem, order: AfterbuyOrder, switches: Switches) -> None:
    put(node, "ItemDetailsDone", "-1")
    put(node, "ItemID", str(item.item_id))
    put(node, "Anr", item.anr)
    put(node, "AlternativeItemNumber", item.sku)
    put(node, "PlatformSpecificOrderId", item.platform_order)
    put(node, "InternalItemType", "" if item.item_type is None else str(item.item_type))
    put(node, "UserDefinedFlag", str(item.flag))
    put_prose(node, "ItemTitle", item.title, switches)
    put(node, "ItemQuantity", str(-item.quantity if order.cancelled else item.quantity))
    put(node, "ItemPrice", decimal_comma(item.price))
    original = put(node, "ItemOriginalCurrency")
    put(original, "ItemPrice", decimal_comma(item.price if item.original_price is None else item.original_price))
    put(original, "ItemPriceCode", item.currency)
    put(node, "ItemEndDate", berlin(item.ended_at or order.ordered_at))
    put(node, "ItemModDate", berlin(item.modified_at or order.modified_at or order.ordered_at))
    put(node, "TaxRate", decimal_comma(item.tax_rate))
    put(node, "TaxCollectedBy", str(int(item.tax_collected)))
    put(node, "PlatformTaxReference", _tax_reference(item, switches))
    put(node, "ItemWeight", _weight(item, switches))
    put(node, "ItemPlatformName", item.platform)
    _product(put(node, "ShopProductDetails"), item, switches)


def _tax_reference(item: AfterbuyItem, switches: Switches) -> str:
    """Format the marketplace's tax number: alone, behind its kind, or not at all."""
    if switches.platform_tax_reference == "absent" or not item.tax_reference:
        return ""
    kind = "IOSS" if item.tax_reference.startswith("IM") else "VOEC"
    return item.tax_reference if switches.platform_tax_reference == "number" else f"{kind}: {item.tax_reference}"


def _weight(item: AfterbuyItem, switches: Switches) -> str:
    """Format a weight as on the wire: two or three places, as the merchant typed it."""
    if item.weight is None:
        return ""
    weight = item.weight * (item.quantity if item.set_parts and switches.set_weight == "line" else 1)
    if switches.weight_unit == "g":
        return decimal_comma(weight * GRAMS, "1")
    return decimal_comma(weight, "0.01" if weight == weight.quantize(Decimal("0.01")) else "0.001")


def _product(node: "etree._Element", item: AfterbuyItem, switches: Switches) -> None:
    if item.product_id is None:
        return
    put(node, "ProductID", str(item.product_id))
    put_prose(node, "Name", item.title, switches)
    put(node, "EAN", item.ean)
    put(node, "Anr", item.anr)
    if item.set_parts:
        base = put(node, "BaseProductData")
        put(base, "BaseProductType", "2")
        for product_id, quantity in item.set_parts:
            child = put(base, "ChildProduct")
            put(child, "ProductID", str(product_id))
            put(child, "ProductQuantity", str(quantity))


def _shipping(node: "etree._Element", order: AfterbuyOrder, switches: Switches) -> None:
    shipping, info = order.shipping, put(node, "ShippingInfo")
    put_prose(info, "ShippingMethod", shipping.method, switches)
    put_prose(info, "ShippingReturnMethod", shipping.return_method, switches)
    put(info, "ShippingCost", decimal_comma(shipping.cost))
    put(info, "ShippingAdditionalCost", "0")
    put(info, "ShippingTotalCost", decimal_comma(shipping.cost))
    put(info, "ShippingTaxRate", decimal_comma(shipping.tax_rate))
    put(info, "DeliveryDate", berlin(shipping.dispatched_at))
    put_prose(info, "DeliveryService", shipping.service, switches)
    if shipping.parcel_labels:
        labels = put(info, "ParcelLabels")
        for each in shipping.parcel_labels:
            _label(put(labels, "ParcelLabel"), each)


def _label(node: "etree._Element", label: AfterbuyParcelLabel) -> None:
    put(node, "ItemID", str(label.item_id))
    put(node, "PackageNumber", str(label.package_number))
    put(node, "ParcelLabelNumber", label.number)
    put(node, "ReturnLabelNumber", label.return_number)
    put(node, "PackageQuantity", "" if label.quantity is None else str(label.quantity))
    put(node, "PackageWeight", decimal_comma(label.weight))


def _tags(node: "etree._Element", order: AfterbuyOrder, switches: Switches) -> None:
    if not order.tags:
        return
    items = node.findall("SoldItems/SoldItem")
    places = [node] if switches.tags_at != "item" else []
    places += items if switches.tags_at != "order" else []
    for place in places:
        tags = put(place, "Tags")
        for tag in order.tags:
            put_prose(tags, "Tag", tag, switches)
