"""What is sent after a refusal: in the account's currency, or with the house number apart."""

from typing import Any

from msgspec import UNSET

from aftersend.afterbuy.model import PostalAddress
from aftersend.sendcloud.model import PushOrder
from aftersend_exporter.rules.fallback import fallback_order
from aftersend_exporter.rules.order_mapping import push_order
from tests.support.order_kit import HOME, NOW, RULES, an_order


def pushed(billing: PostalAddress = HOME, **different: Any) -> PushOrder:
    return push_order(an_order(billing=billing, **different), integration=7, rules=RULES, products={}, now=NOW)


def after_refusal(push: PushOrder, path: str) -> PushOrder | None:
    return fallback_order(push, path, in_account_currency=lambda: push)


def test_a_missing_house_number_is_taken_from_the_street() -> None:
    again = after_refusal(pushed(), "shipping_address/house_number")
    assert again is not None
    address = again.shipping_address
    assert (address.address_line_1, address.house_number, address.address_line_2) == ("Ahornweg", "7 b", UNSET)


def test_what_follows_the_number_stays_in_the_second_line() -> None:
    flat = PostalAddress(last_name="Erfunden", street="Dorfstr. 14 Whg. 2", street2="Hof", city="Köln", country="DE")
    again = after_refusal(pushed(flat), "shipping_address/house_number")
    assert again is not None
    address = again.shipping_address
    assert (address.address_line_1, address.house_number) == ("Dorfstr.", "14")
    assert address.address_line_2 == "Whg. 2, Hof"


def test_an_uncertain_number_is_left_where_it_is() -> None:
    uncertain = PostalAddress(last_name="Erfunden", street="Straße des 17. Juni", city="Berlin", country="DE")
    assert after_refusal(pushed(uncertain), "shipping_address/house_number") is None


def test_a_number_that_is_refused_is_not_looked_for_again() -> None:
    flat = PostalAddress(last_name="Erfunden", street="Dorfstr. 14 Whg. 2", city="Köln", country="DE")
    divided = after_refusal(pushed(flat), "shipping_address/house_number")
    assert divided is not None
    assert after_refusal(divided, "shipping_address/house_number") is None


def test_other_refusals_have_no_fallback() -> None:
    assert after_refusal(pushed(), "shipping_address/city") is None
