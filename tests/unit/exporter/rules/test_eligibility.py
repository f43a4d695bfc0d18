"""Transfer, skip or watch: one line per rule of the merchant."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, get_args

import pytest

from aftersend.afterbuy.model import Order, ParcelLabel, PostalAddress, SoldItem
from aftersend.tenant.document import Export, Only, Weight
from aftersend_exporter.rules.eligibility import CURABLE, SkipReason, eligibility, unclear_path
from aftersend_exporter.rules.payment import is_cash_on_delivery, is_paid
from tests.support.order_kit import BERLIN, HOME, NOW, an_item, an_order

NOWHERE = PostalAddress(first_name="Erika", last_name="Erfunden", country="DE", mail="erika@example.org")
NOT_BEFORE = datetime(2026, 11, 23, 0, 0, tzinfo=BERLIN)
SHIPPED_AT = datetime(2026, 11, 24, 10, 0, tzinfo=BERLIN)


def decision(order: Order, *, beginning: datetime | None = None, **only: Any) -> str:
    found = eligibility(order, rules=Export(only=Only(**only)), beginning=beginning, now=NOW)
    return f"{found.kind} {found.reason}".strip()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (an_order(), "transfer"),
        (an_order(shipping=HOME, billing=NOWHERE), "transfer"),
        (an_order(shipping=NOWHERE), "transfer"),
        (an_order(shipping=NOWHERE, billing=NOWHERE), "watch no_address"),
        (an_order(billing=NOWHERE), "watch no_address"),
        (an_order(billing=PostalAddress(city="Köln")), "transfer"),
        (an_order(additional_info="warten"), "watch has_parcel_number"),
        (an_order(parcel_labels=(ParcelLabel("900", "1", "0034"),)), "watch has_parcel_number"),
        (an_order(parcel_labels=(ParcelLabel("900", "1", ""),)), "transfer"),
        (an_order(additional_info="0034", dispatched_at=SHIPPED_AT), "skip has_parcel_number"),
        (an_order(dispatched_at=SHIPPED_AT), "transfer"),
        (an_order(order_id="0"), "skip not_an_order"),
        (an_order(order_id=""), "skip not_an_order"),
        (an_order(items=()), "skip not_an_order"),
        (an_order(an_item(quantity=-1), an_item(quantity=0)), "skip not_an_order"),
        (an_order(an_item(quantity=-1), an_item()), "transfer"),
        (an_order(an_item(item_type=201)), "skip marketplace_fulfilled"),
        (an_order(an_item(item_type=301), an_item(item_type=501)), "skip marketplace_fulfilled"),
        (an_order(an_item(item_type=201), an_item(item_type=101)), "transfer"),
        (an_order(an_item(item_type=201), an_item(quantity=-1)), "skip marketplace_fulfilled"),
        (an_order(an_item(item_type=401)), "transfer"),
        (an_order(an_item(price=Decimal("-19.90"), platform="gutschrift")), "skip not_an_order"),
        (an_order(an_item(price=Decimal(-1)), an_item(price=Decimal(-2))), "skip not_an_order"),
        (an_order(an_item(price=Decimal(-1)), an_item()), "transfer"),
        (an_order(an_item(item_type=201), an_item(price=Decimal(-1))), "skip marketplace_fulfilled"),
        (an_order(full_amount=Decimal(50), already_paid=Decimal(0)), "transfer"),
        (an_order(tags=frozenset({"Sendcloud abgeschlossen"})), "transfer"),
    ],
)
def test_every_order_by_default(order: Order, expected: str) -> None:
    assert decision(order) == expected


@pytest.mark.parametrize(
    ("ordered", "expected"),
    [
        (datetime(2026, 11, 22, 23, 59, 59, tzinfo=BERLIN), "skip before_start"),
        (datetime(2026, 11, 23, 0, 0, tzinfo=BERLIN), "transfer"),
        (datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC), "skip before_start"),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), "transfer"),
        (None, "transfer"),
    ],
)
def test_before_start(ordered: datetime | None, expected: str) -> None:
    assert decision(an_order(ordered_at=ordered), beginning=NOT_BEFORE) == expected


@pytest.mark.parametrize(
    ("platforms", "item_platforms", "expected"),
    [
        ([], ["ebay"], "transfer"),
        (["eBay"], ["ebay"], "transfer"),
        (["ebay"], ["EBAY"], "transfer"),
        (["shop"], ["ebay"], "skip excluded"),
        (["shop"], [""], "skip excluded"),
        (["shop", "ebay"], ["ebay"], "transfer"),
        (["shop"], ["ebay", "shop"], "transfer"),
    ],
)
def test_platforms(platforms: list[str], item_platforms: list[str], expected: str) -> None:
    order = an_order(*(an_item(platform=platform) for platform in item_platforms))
    assert decision(order, platforms=platforms) == expected


def test_the_wanted_platform_must_be_one_that_the_merchant_ships() -> None:
    order = an_order(an_item(platform="amazon", item_type=201), an_item(platform="ebay"))
    assert decision(order, platforms=["amazon"]) == "skip excluded"


@pytest.mark.parametrize(
    ("already", "full", "paid_at", "expected"),
    [
        ("17.49", "17.49", None, True),
        ("20", "17.49", None, True),
        ("17.48", "17.49", None, False),
        ("0", "0", None, True),
        # amounts are there: a date alone proves nothing
        ("0", "17.49", SHIPPED_AT, False),
        (None, "17.49", SHIPPED_AT, True),
        ("17.49", None, SHIPPED_AT, True),
        (None, None, SHIPPED_AT, True),
        (None, "17.49", None, False),
        ("17.49", None, None, False),
    ],
)
def test_paid(already: str | None, full: str | None, paid_at: datetime | None, *, expected: bool) -> None:
    order = an_order(
        already_paid=Decimal(already) if already else None, full_amount=Decimal(full) if full else None, paid_at=paid_at
    )
    assert is_paid(order) is expected
    assert decision(order, paid=True) == ("transfer" if expected else "watch unpaid")


def test_what_cannot_be_cured_is_named_before_what_can() -> None:
    order = an_order(an_item(item_type=201), additional_info="warten", billing=NOWHERE)
    assert decision(order, paid=True) == "skip marketplace_fulfilled"


def test_reasons_are_the_fixed_list() -> None:
    assert set(get_args(SkipReason)) == {
        "has_parcel_number",
        "marketplace_fulfilled",
        "not_an_order",
        "no_address",
        "excluded",
        "unpaid",
        "before_start",
        "tag",
        "shipping_method",
        "too_young",
        "no_weight",
    }
    for_good = {"marketplace_fulfilled", "not_an_order", "excluded", "before_start"}
    assert set(get_args(SkipReason)) - for_good == CURABLE


AUSTRIAN = PostalAddress(
    first_name="Änne", last_name="Beispiel", street="Musterzeile 4/12", postal_code="1010", city="Wien", country="AT"
)
SWISS = PostalAddress(
    first_name="Urs", last_name="Erfunden", street="Beispielgasse 3", postal_code="8001", city="Zürich", country="CH"
)


@pytest.mark.parametrize(
    ("different", "expected"),
    [
        ({"shipping": AUSTRIAN, "tags": frozenset({"Versand"})}, "transfer"),
        ({"shipping": AUSTRIAN, "tags": frozenset()}, "watch tag"),
        ({"shipping": SWISS, "shipping_method": "Selbstabholung"}, "watch tag"),
        ({"tags": frozenset({"versand"}), "shipping_method": "Selbstabholung"}, "watch shipping_method"),
        ({"additional_info": "warten"}, "watch tag"),
        ({"additional_info": "0034", "dispatched_at": SHIPPED_AT}, "skip has_parcel_number"),
        ({"tags": frozenset({"versand"}), "additional_info": "warten"}, "watch has_parcel_number"),
        ({"tags": frozenset({"versand"}), "already_paid": Decimal(0)}, "watch unpaid"),
        ({"tags": frozenset({"versand"}), "billing": NOWHERE}, "watch no_address"),
        ({"already_paid": Decimal(0), "billing": NOWHERE}, "watch tag"),
    ],
)
def test_what_is_not_wanted_is_named_before_what_can_be_cured(different: dict[str, Any], expected: str) -> None:
    wanted = {"tags": ["Versand"], "not_shipping_methods": ["selbstabholung"], "paid": True}
    assert decision(an_order(**different), **wanted) == expected


@pytest.mark.parametrize(
    ("items", "missing", "expected"),
    [
        ((an_item(weight=None),), "hold", "watch no_weight"),
        ((an_item(weight=None), an_item(weight=Decimal(0))), "hold", "watch no_weight"),
        ((an_item(weight=None), an_item()), "hold", "transfer"),
        ((an_item(weight=None), an_item(item_type=201)), "hold", "watch no_weight"),
        ((an_item(weight=None),), "default", "transfer"),
    ],
)
def test_an_order_without_any_weight_is_held_if_the_merchant_says_so(
    items: tuple[SoldItem, ...], missing: Literal["default", "hold"], expected: str
) -> None:
    rules = Export(weight=Weight(missing=missing))
    found = eligibility(an_order(*items), rules=rules, beginning=None, now=NOW)
    assert f"{found.kind} {found.reason}".strip() == expected


@pytest.mark.parametrize(
    ("function", "method", "expected"),
    [
        ("CASH_ON_DELIVERY", "", True),
        ("COD_CREDITWORTHINESS", "", True),
        ("", "Nachnahme", True),
        ("TRANSFER", "DHL NACHNAHME (2 EUR)", True),
        ("OTHERS", "Cash on delivery", True),
        ("", "cash-on-delivery", True),
        ("", "COD", True),
        ("CASH", "Barzahlung", False),
        ("", "Codebezahlung", False),
        ("CASH ON DELIVERY", "", True),
        ("cash-on-delivery", "", True),
        ("OTHERS", "CashOnDelivery", True),
        ("", "Post-Nachnahme (zzgl. 5,60 €)", True),
        ("", "Nachn.", True),
        ("", "NN", True),
        ("", "C.O.D.", True),
        ("", "DHL COD-Gebühr", True),
        ("", "Barzahlung bei Lieferung", True),
        ("", "Zahlung bei Zustellung", True),
        ("", "Pay on delivery", True),
        ("", "Contrassegno", True),
        ("", "Contre-remboursement", True),
        ("", "Contra reembolso", True),
        ("", "Onder rembours", True),
        ("", "Vorkasse (keine Nachnahme)", False),
        ("TRANSFER", "ohne Nachnahme", False),
        ("CASH", "Barzahlung bei Abholung", False),
        ("INVOICE_TRANSFER", "Rechnung", False),
        ("EXPRESS_CREDITWORTHINESS", "Klarna", False),
        ("", "Codice sconto", False),
        ("", "Amazon Pay", False),
        ("", "Nannen", False),
        ("PAYPAL", "PayPal", False),
        ("", "", False),
    ],
)
def test_cash_on_delivery(function: str, method: str, expected: bool) -> None:  # noqa: FBT001 - a column
    order = an_order(payment_function=function, payment_method=method, already_paid=Decimal(0))
    assert is_cash_on_delivery(order) is expected
    assert decision(order, paid=True) == ("transfer" if expected else "watch unpaid")


@pytest.mark.parametrize(
    ("unclear", "different", "paid", "path"),
    [
        ("PaymentInfo/AlreadyPaid", {"already_paid": None}, True, "PaymentInfo/AlreadyPaid"),
        ("PaymentInfo/PaymentDate", {"already_paid": None}, True, "PaymentInfo/PaymentDate"),
        ("PaymentInfo/AlreadyPaid", {"already_paid": None}, False, ""),
        ("PaymentInfo/AlreadyPaid", {"already_paid": None, "paid_at": SHIPPED_AT}, True, ""),
        ("PaymentInfo/AlreadyPaid", {"already_paid": None, "payment_method": "Nachnahme"}, True, ""),
        ("ShippingInfo/DeliveryDate", {}, True, ""),
        ("BuyerInfo/BillingAddress/CountryISO", {}, False, "BuyerInfo/BillingAddress/CountryISO"),
        ("BuyerInfo/BillingAddress/Country", {}, False, "BuyerInfo/BillingAddress/Country"),
        ("BuyerInfo/BillingAddress/CountryISO", {"shipping": HOME}, False, ""),
        ("BuyerInfo/ShippingAddress/CountryISO", {"shipping": HOME}, False, "BuyerInfo/ShippingAddress/CountryISO"),
        ("BuyerInfo/ShippingAddress/CountryISO", {"shipping": NOWHERE}, False, ""),
        ("BuyerInfo/BillingAddress/CountryISO", {"additional_info": "warten"}, False, ""),
    ],
)
def test_what_the_decision_needs_and_cannot_be_read_is_named(
    unclear: str,
    different: dict[str, Any],
    paid: bool,  # noqa: FBT001 - a column
    path: str,
) -> None:
    order = an_order(unclear=frozenset({unclear}), **different)
    decided = eligibility(order, rules=Export(only=Only(paid=paid)), beginning=None, now=NOW)
    assert unclear_path(order, decided, beginning=None) == path


@pytest.mark.parametrize(
    ("beginning", "different", "path"),
    [(None, {}, ""), (NOT_BEFORE, {}, "OrderDate"), (NOT_BEFORE, {"additional_info": "warten"}, "")],
)
def test_an_unclear_date_matters_only_beside_not_before(
    beginning: datetime | None, different: dict[str, Any], path: str
) -> None:
    order = an_order(ordered_at=None, unclear=frozenset({"OrderDate"}), **different)
    decided = eligibility(order, rules=Export(), beginning=beginning, now=NOW)
    assert unclear_path(order, decided, beginning=beginning) == path
