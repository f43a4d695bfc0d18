"""Where it goes: every line as the merchant wrote it."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from aftersend.afterbuy.model import PostalAddress
from aftersend_exporter.rules.addresses import MAX_LENGTH, customer, destination, shipping_address
from tests.support.order_kit import HOME, an_order

OFFICE = PostalAddress(
    first_name="Ben",
    last_name="Beispiel",
    company="Beispiel & Söhne GmbH",
    street="Werkstraße 12-14",
    street2="Tor 3",
    postal_code="20095",
    city="Hamburg",
    country="DE",
)


def test_shipping_before_billing() -> None:
    assert destination(an_order(shipping=OFFICE)) == OFFICE
    assert destination(an_order(shipping=None)) == HOME
    assert destination(an_order(shipping=PostalAddress(first_name="Nur ein Name"))) == HOME
    assert destination(an_order(billing=PostalAddress())) is None


def test_every_field_of_a_business_address() -> None:
    address = shipping_address(an_order(shipping=OFFICE))
    assert (address.name, address.company_name) == ("Ben Beispiel", "Beispiel & Söhne GmbH")
    assert (address.address_line_1, address.address_line_2) == ("Werkstraße 12-14", "Tor 3")
    assert (address.postal_code, address.city, address.country_code) == ("20095", "Hamburg", "DE")
    assert address.house_number is UNSET
    assert address.state_province_code is UNSET


@pytest.mark.parametrize(
    ("street", "street2", "line1", "line2"),
    [
        ("Ahornweg 7 b", "", "Ahornweg 7 b", UNSET),
        ("26 bis rue de la Paix", "", "26 bis rue de la Paix", UNSET),
        ("Packstation 123", "Postnummer 12345678", "Packstation 123", "Postnummer 12345678"),
        ("Postfiliale 501", "", "Postfiliale 501", UNSET),
        ("", "Hauptstr. 1", "Hauptstr. 1", UNSET),
        ("", "", "", UNSET),
    ],
)
def test_lines_are_kept_as_given(street: str, street2: str, line1: str, line2: object) -> None:
    address = shipping_address(an_order(shipping=replace(OFFICE, street=street, street2=street2)))
    assert (address.address_line_1, address.address_line_2) == (line1, line2)


@pytest.mark.parametrize(
    ("first", "last", "company", "expected"),
    [
        ("Ben", "Beispiel", "", "Ben Beispiel"),
        ("Ben", "", "", "Ben"),
        ("", "Beispiel", "Firma", "Beispiel"),
        ("", "", "Beispiel & Söhne GmbH", "Beispiel & Söhne GmbH"),
        ("", "", "", "Erika Erfunden"),
    ],
)
def test_name(first: str, last: str, company: str, expected: str) -> None:
    to = replace(OFFICE, first_name=first, last_name=last, company=company)
    assert shipping_address(an_order(shipping=to)).name == expected


def test_a_name_is_never_empty() -> None:
    nameless = PostalAddress(street="Weg 1", city="Ulm", postal_code="89073", country="DE")
    order = an_order(billing=nameless)
    assert shipping_address(order).name == "-"
    assert customer(order, shipping_address(order)).name == "-"


def test_phone_and_mail_come_from_billing_where_shipping_has_none() -> None:
    address = shipping_address(an_order(shipping=OFFICE))
    assert (address.phone_number, address.email) == (HOME.phone, HOME.mail)
    own = shipping_address(an_order(shipping=replace(OFFICE, phone="040 1", mail="ben@example.org")))
    assert (own.phone_number, own.email) == ("040 1", "ben@example.org")
    none = shipping_address(an_order(billing=replace(HOME, phone="", mail=""), shipping=OFFICE))
    assert (none.phone_number, none.email) == (UNSET, UNSET)


@pytest.mark.parametrize(
    ("mail", "expected"),
    [
        ("erika@example.org", "erika@example.org"),
        ("erika@example.org OTTO", "erika@example.org"),
        (" erika@example.org ", "erika@example.org"),
        ("-", UNSET),
        ("erika@localhost", UNSET),
        ("erika(at)example.org", UNSET),
        ("   ", UNSET),
        ("e" * 300 + "@example.org", UNSET),
    ],
)
def test_only_a_usable_mail_address_goes(mail: str, expected: object) -> None:
    assert shipping_address(an_order(billing=replace(HOME, mail=mail))).email == expected


def test_the_customer_is_the_buyer() -> None:
    found = customer(an_order(shipping=OFFICE), shipping_address(an_order(shipping=OFFICE)))
    assert (found.name, found.email, found.phone_number) == ("Erika Erfunden", HOME.mail, HOME.phone)


def test_texts_are_cut_to_what_sendcloud_takes() -> None:
    address = shipping_address(an_order(shipping=replace(OFFICE, company="x" * 400, street="y" * 400)))
    assert address.company_name == "x" * MAX_LENGTH
    assert address.address_line_1 == "y" * MAX_LENGTH


def test_a_state_goes_where_it_is_certain() -> None:
    there = replace(OFFICE, country="US", state="NY", city="New York", postal_code="10001")
    assert shipping_address(an_order(shipping=there)).state_province_code == "US-NY"
