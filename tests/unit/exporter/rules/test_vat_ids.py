"""VAT ids as business buyers and shop systems write them."""

import pytest

from aftersend_exporter.rules.vat_ids import vat_id


@pytest.mark.parametrize(
    ("typed", "country", "value"),
    [
        ("DE123456789", "DE", "DE123456789"),
        ("DE 123 456 789", "DE", "DE123456789"),
        ("de123456789 ", "DE", "DE123456789"),
        ("USt-IdNr.: DE123456789", "DE", "DE123456789"),
        ("USt-ID DE123456789", "DE", "DE123456789"),
        ("VAT No. DE123456789", "DE", "DE123456789"),
        ("ATU12345678", "AT", "ATU12345678"),
        ("UID: ATU 12345678", "AT", "ATU12345678"),
        ("CHE-123.456.789 MWST", "CH", "CHE123456789MWST"),
        ("CHE-123.456.789", "CH", "CHE123456789"),
        ("UID CHE-123.456.789 TVA", "CH", "CHE123456789TVA"),
        ("GB 123 4567 89", "GB", "GB123456789"),
        ("NO 123456789 MVA", "NO", "123456789MVA"),
        ("123456789MVA", "NO", "123456789MVA"),
        ("EL123456789", "GR", "EL123456789"),
        ("FRXX123456789", "FR", "FRXX123456789"),
        ("NL123456789B01", "NL", "NL123456789B01"),
        ("ESX1234567X", "ES", "ESX1234567X"),
        ("IE1234567FA", "IE", "IE1234567FA"),
    ],
)
def test_understood(typed: str, country: str, value: str) -> None:
    found = vat_id(typed)
    assert found is not None
    assert (found.name, found.country_code, found.value) == ("VAT", country, value)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "123456789",
        "DE12345678",
        "DE1234567890",
        "DE123456789 und ATU12345678",
        "AT12345678",
        "GR123456789",
        "CHE-123.456",
        "12/345/67890",
        "folgt",
        "12-3456789",
        "XX123456789",
        "DE\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669",
        "x" * 10_000,
        "UST" * 3_000,
    ],
)
def test_not_understood(typed: str) -> None:
    assert vat_id(typed) is None
