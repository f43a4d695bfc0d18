"""The Postnummer of invented recipients at pick-up points, as people type it in Germany and Austria."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, structs

from aftersend.sendcloud.model import ShippingAddress
from aftersend_exporter.rules.order_mapping import push_order
from aftersend_exporter.rules.post_numbers import pick_up_point
from tests.support.order_kit import NOW, RULES, an_order

FIELDS = ("street", "street2", "company", "name")
Typed = tuple[str, ...]


def address(*typed: str, country: str = "DE", phone: str = "") -> ShippingAddress:
    street, street2, company, name = (*typed, *[""] * (4 - len(typed)))
    return ShippingAddress(
        name=name or "Erika Erfunden",
        company_name=company or UNSET,
        address_line_1=street,
        address_line_2=street2 or UNSET,
        postal_code="50667" if country == "DE" else "1010",
        city="Köln" if country == "DE" else "Wien",
        country_code=country,
        phone_number=phone or UNSET,
    )


def lines(found: ShippingAddress) -> Typed:
    return (found.address_line_1, found.address_line_2 or "", found.company_name or "")


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (("Packstation 145", "Postnr. 12345678"), "12345678"),
        (("Packstation 145", "12345678"), "12345678"),
        (("Packstation 145", "", "12345678"), "12345678"),
        (("Packstation 145", "", "Postnummer: 1234567890"), "1234567890"),
        (("Packstation 145", "Erika Erfunden", "PN 123456"), "123456"),
        (("DHL Packstation 101, 1234567",), "1234567"),
        (("DHL-Packstation 101 1234567",), "1234567"),
        (("Packstation 101/1234567",), "1234567"),
        (("Packstation 101 (Postnr 1234567)",), "1234567"),
        (("12345678 Packstation 145",), "12345678"),
        (("Postnr.: 12345678, Packstation 145",), "12345678"),
        (("Packstation Nr. 145", "Post-Nr.: 12345678"), "12345678"),
        (("PACKSTATION145", "POSTNUMMER12345678"), "12345678"),
        (("Packstationsnummer 145", "Postnummer#12345678"), "12345678"),
        (("Pack-Station 145", "Post Nr 12345678"), "12345678"),
        (("Packst. 145", "P.Nr. 12345678"), "12345678"),
        (("Paketstation 145", "12345678"), "12345678"),
        (("Packetstation 145", "DHL Kundennummer 12345678"), "12345678"),
        (("Packstation 145 Bahnhofstr. 3", "DHL 12345678"), "12345678"),
        (("Packstation 145", "", "", "Erika Erfunden Postnr. 12345678"), "12345678"),
        (("Packstation 145", "", "", "Erika Erfunden, 12345678"), "12345678"),
        (("Packstation", "12345678"), "12345678"),
        (("Postfiliale 502", "12345678"), "12345678"),
        (("DHL Postfiliale Nr. 502", "", "Postnummer 12345678"), "12345678"),
        (("Post-Filiale 502 Köln", "12345678"), "12345678"),
        (("DHL-Filiale 502", "12345678"), "12345678"),
        (("Paketshop 502", "12345678"), "12345678"),
        (("DHL Paketshop", "12345678"), "12345678"),
        (("Packstation 145", "12345678", "12345678"), "12345678"),
        (("Packstation 145", "Postnr. 12345678", "7654321"), "12345678"),
        (("Packstation 145", "12345678", "Kundennr. 7654321"), "12345678"),
        (("Packstation 145", "12345678", "Tel. 2281234567"), "12345678"),
        (("Packstation 145", "Nr. 12345678"), "12345678"),
        (("Packstation 12", "Postnr. 12345678"), "12345678"),
        (("Packstation Hauptbahnhof", "Postnr. 12345678"), "12345678"),
        (("PS 145", "Postnr. 12345678"), "12345678"),
    ],
)
@pytest.mark.parametrize("country", ["DE", "AT"])
def test_a_post_number_that_leaves_no_doubt(typed: Typed, number: str, country: str) -> None:
    found = pick_up_point(address(*typed, country=country))
    assert found is not None
    assert (found.post_number, lines(found.address)) == (number, (*typed, "", "")[:3])


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (("12345678", "Packstation 145"), ("Packstation 145", "12345678", "")),
        (("Postnr. 12345678", "DHL Packstation 145"), ("DHL Packstation 145", "Postnr. 12345678", "")),
        (("12345678", "", "Packstation 145"), ("Packstation 145", "", "12345678")),
        (
            ("Postnummer: 12345678", "Hinterhaus", "Postfiliale 502"),
            ("Postfiliale 502", "Hinterhaus", "Postnummer: 12345678"),
        ),
        (("", "", "Packstation 145, 12345678"), ("Packstation 145, 12345678", "", "")),
        (("Ahornweg 7", "Packstation 145", "12345678"), ("Ahornweg 7", "Packstation 145", "12345678")),
        (
            ("z. Hd. Ben Beispiel", "Packstation 145, 12345678"),
            ("z. Hd. Ben Beispiel", "Packstation 145, 12345678", ""),
        ),
    ],
)
def test_swapped_lines_are_put_right_and_others_stay(typed: Typed, expected: Typed) -> None:
    found = pick_up_point(address(*typed))
    assert found is not None
    assert (found.post_number, lines(found.address)) == ("12345678", expected)
    assert pick_up_point(found.address) == found, "the second time nothing is left to do"


@pytest.mark.parametrize(
    "typed",
    [
        ("Packstation 145",),
        ("Packstation 145", "50667"),
        ("Packstation 145", "145"),
        ("Packstation 145", "12345"),
        ("Packstation 145", "12345678901"),
        ("Packstation 145", "0171 1234567"),
        ("Packstation 145", "01711234567"),
        ("Packstation 145", "0228123456"),
        ("Packstation 145", "+49 171 1234567"),
        ("Packstation 145", "Tel. 2281234567"),
        ("Packstation 145", "Kundennr. 1234567"),
        ("Packstation 145", "Kd.-Nr. 1234567"),
        ("Packstation 145", "Bestellung 1234567"),
        ("Packstation 145", "Rechnungsnummer: 1234567"),
        ("Packstation 145", "Postfach 123456"),
        ("Packstation 145", "A1234567"),
        ("Packstation 145", "1234567b"),
        ("Packstation 145", "1234 5678"),
        ("Packstation 145", "24.11.2026"),
        ("Packstation 145", "Postleitzahl 50667"),
        ("Packstation 145", "12345678", "7654321"),
        ("Packstation 145", "Postnr. 12345678", "Postnr. 7654321"),
        ("Packstation 145, 1234567", "12345678"),
        ("Packstation 145", "12345678", "Muster GmbH 7654321"),
        ("Packstation 145", "", "Muster GmbH 7654321"),
        ("Packstation 145", "", "", "Erika Erfunden 12345678"),
        ("Packstation 3", "12345678"),
        ("Packstation 12345678",),
        ("Packstation Hauptbahnhof", "12345678"),
        ("Postfiliale 50667 Köln", "12345678"),
        ("DHL Paketshop Kiosk Muster", "12345678"),
        ("Paketshop", "12345678"),
        ("PS 145", "12345678"),
        ("PS 145",),
        ("Postnr. \u0661\u0662\u0663\u0664\u0665\u0666\u0667", "Packstation 145"),
    ],
)
def test_a_pick_up_point_without_a_certain_number_keeps_its_lines(typed: Typed) -> None:
    before = address(*typed)
    found = pick_up_point(before)
    assert found is not None
    assert (found.post_number, found.address) == ("", before)


@pytest.mark.parametrize(
    "typed",
    [
        ("Ahornweg 7", "12345678"),
        ("Ahornweg 145", "Postnr. 12345678"),
        ("An der Packstation 3", "12345678"),
        ("An der Packstation 145", "12345678"),
        ("Packstationsweg 145", "12345678"),
        ("Packstation-Straße 3", "12345678"),
        ("Bitte nicht an Packstation 145", "12345678"),
        ("Hinter der Postfiliale 502", "12345678"),
        ("Filiale 502", "12345678"),
        ("Hermes PaketShop 145", "12345678"),
        ("Paketshop 145", "12345678", "GLS"),
        ("Ahornweg 7", "12345678", "Paketshop Nord GmbH"),
        ("Ahornweg 7", "12345678", "Paketshop"),
        ("Hermes", "12345678", "Paketshop 145"),
        ("Ahornweg 7", "12345678", "Packstation Systems GmbH"),
        ("PS 14", "12345678"),
        ("APS 145", "12345678"),
        ("Postfach 10 20 30", "12345678"),
        ("", "12345678"),
        ("",),
    ],
)
def test_an_ordinary_address_has_none(typed: Typed) -> None:
    assert pick_up_point(address(*typed)) is None


def test_what_equals_the_phone_number_is_none() -> None:
    found = pick_up_point(address("Packstation 145", "1711234567", phone="+49 171 1234567"))
    assert found is not None
    assert found.post_number == ""


def test_an_austrian_post_office_hands_out_without_a_number() -> None:
    assert pick_up_point(address("Postfiliale 1010 Wien", "Postlagernd", country="AT")) is None
    assert pick_up_point(address("Postfiliale 50667 Köln")) is not None


@pytest.mark.parametrize("country", ["CH", "FR", "PL", ""])
def test_other_countries_have_pick_up_points_of_other_kinds(country: str) -> None:
    assert pick_up_point(address("Packstation 145", "Postnr. 12345678", country=country)) is None


def test_only_an_order_to_a_pick_up_point_names_one() -> None:
    push = push_order(an_order(), integration=7, rules=RULES, products={}, now=NOW)
    assert push.service_point_details is UNSET


PIECES = st.sampled_from(
    [
        *(
            "Packstation",
            "Postfiliale",
            "Paketshop",
            "DHL",
            "Hermes",
            "PS",
            "Postnr.",
            "PN",
            "Kundennr.",
            "Tel.",
            "Nr.",
        ),
        *(
            "145",
            "7",
            "50667",
            "123456",
            "12345678",
            "1234567890",
            "12345678901",
            "0171",
            "\u0661",
            "\u00b2",
            "Ahornweg",
        ),
        *(" ", " ", ", ", "/", "-", ".", "(", ")", "+", "\n"),
    ]
)
TEXTS = st.lists(PIECES, max_size=10).map("".join) | st.text(max_size=40)


@given(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), st.sampled_from(["DE", "AT", "CH"]))
def test_no_text_invents_a_number_or_loses_a_line(typed: Typed, country: str) -> None:
    before = address(*typed, country=country)
    found = pick_up_point(before)
    if found is None:
        return
    whole = [number for text in (*lines(before), before.name) for number in re.findall(r"[0-9]+", text)]
    assert found.post_number == "" or (found.post_number in whole and len(found.post_number) in range(6, 11))
    assert sorted(lines(found.address)) == sorted(lines(before))
    kept = {name: getattr(before, name) for name in ("address_line_1", "address_line_2", "company_name")}
    assert structs.replace(found.address, **kept) == before
    assert pick_up_point(found.address) == found
