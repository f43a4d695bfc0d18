"""Afterbuy's spelling of numbers, times and countries."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.afterbuy.countries import origin_country, read_country
from aftersend.afterbuy.exchange import CALLS_PER_DAY, DailyBudget
from aftersend.afterbuy.numbers import (
    BERLIN,
    Unreadable,
    format_time,
    read_amount,
    read_decimal,
    read_flag,
    read_id,
    read_time,
    read_weight,
    read_whole,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("112,30", "112.30"),
        ("1.234,50", "1234.50"),
        ("1.234.567,8", "1234567.8"),
        ("0", "0"),
        ("10,5", "10.5"),
        ("5.9", "5.9"),
        ("1.234", "1.234"),
        ("-3,00", "-3.00"),
        ("+3", "3"),
        (",5", "0.5"),
        ("5,", "5"),
        ("  7,25\r\n", "7.25"),
        ("1 234,50", "1234.50"),
        ("1\xa0234,50", "1234.50"),
        ("1'234,50", "1234.50"),
        ("1’234.50", "1234.50"),
        ("1,234.50", "1234.50"),
        ("1,234,567.8", "1234567.8"),
        ("1\u202f234,50", "1234.50"),
        ("1.234.567", "1234567"),
        ("-1,234,567", "-1234567"),
        ("1'234'567.80", "1234567.80"),
        ("12,34,567.80", "1234567.80"),
        ("- 5,00", "-5.00"),
        ("−5,00", "-5.00"),
        ("\ufeff19,90\u200b", "19.90"),
        ("00,50", "0.50"),
        ("9" * 12, "9" * 12),
    ],
)
def test_decimals(text: str, value: str) -> None:
    assert read_decimal(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "  ", "\r\n\t", "\xa0"])
def test_nothing_is_none(text: str) -> None:
    assert read_decimal(text) is None
    assert read_whole(text) is None
    assert read_flag(text.replace("\xa0", "")) is None
    assert read_time(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "abc",
        "1,2,3",
        "1.2.3",
        "1e3",
        "NaN",
        "Infinity",
        "٣",
        "12 €",
        "--1",
        "-",
        ",",
        "9" * 31,
        "0x10",
        "1_0",
        "9" * 13,
        "1" + "0" * 29,
        "19 90",
        "1 2",
        "1.23.456",
        "1,23,45",
        "12.34.567",
        "5-",
        "(5,00)",
        "19,9O",
        "1٫5",
        "１２",
    ],
)
def test_what_is_no_decimal(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_decimal(text)
    assert str(caught.value) == ""


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("19,90 EUR", "19.90"),
        ("19,90EUR", "19.90"),
        ("EUR 19,90", "19.90"),
        ("eur 19,90", "19.90"),
        ("€19,90", "19.90"),
        ("19,90 €", "19.90"),
        ("1.234,50 €", "1234.50"),
        ("-5,00 €", "-5.00"),
        ("19,90", "19.90"),
        ("19,90 Euro", "19.90"),
        ("Euro 19,90", "19.90"),
        ("19,90 Eur.", "19.90"),
        ("19,-", "19"),
        ("19,-- EUR", "19"),
        ("19,— €", "19"),
        ("EUR -19,90", "-19.90"),
        ("€-19,90", "-19.90"),
        ("1'234.50 EUR", "1234.50"),
        ("EUR 1 234,50", "1234.50"),
    ],
)
def test_amounts_in_the_accounts_currency(text: str, value: str) -> None:
    assert read_amount(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        "19,90 USD",
        "CHF 19,90",
        "$19.90",
        "frei",
        "19,90 EUR EUR 2",
        "EURO",
        "19,90 + Versand",
        "EUR",
        "€",
        "£19.90",
        "19.90 Fr.",
        "19,90 EUR inkl. MwSt.",
        "ca. 19,90",
        "19,90 EUR/Stk",
        "kostenlos",
        "-",
        ",-",
    ],
)
def test_what_is_no_amount_in_the_accounts_currency(text: str) -> None:
    with pytest.raises(Unreadable):
        read_amount(text)


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0,75", "0.75", ""),
        ("0,75 kg", "0.75", "kg"),
        ("0.75KG", "0.75", "kg"),
        ("750 g", "750", "g"),
        ("750g", "750", "g"),
        ("1.250,5 g", "1250.5", "g"),
        ("1.250 g", "1250", "g"),
        ("1.250 kg", "1.250", "kg"),
        ("750 gr.", "750", "g"),
        ("750 Gramm", "750", "g"),
        ("0,75 kg.", "0.75", "kg"),
        ("0,75 Kilo", "0.75", "kg"),
        ("2 kgs", "2", "kg"),
        ("0,75 Kilogramm", "0.75", "kg"),
        ("0,5\u00a0kg", "0.5", "kg"),
        ("0", "0", ""),
    ],
)
def test_weights(text: str, value: str, unit: str) -> None:
    assert read_weight(text) == (Decimal(value), unit)


@pytest.mark.parametrize(
    "text",
    ["leicht", "1 lb", "2 x 3 kg", "kg kg", "kg", "g", "500 mg", "1 kg 200 g", "12 oz", "1 t", "ca. 1 kg", "9" * 20],
)
def test_what_is_no_weight(text: str) -> None:
    with pytest.raises(Unreadable):
        read_weight(text)


def test_no_weight_is_none() -> None:
    assert read_weight(" ") == (None, "")


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("2,00", 2), ("-1", -1), ("0", 0)])
def test_whole_numbers(text: str, value: int) -> None:
    assert read_whole(text) == value


def test_half_a_piece_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        read_whole("1,5")


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", True), ("-1", True), ("True", True), ("true", True), ("ja", True), ("0", False), (" False ", False)],
)
def test_flags(text: str, value: bool) -> None:  # noqa: FBT001 - a column
    assert read_flag(text) is value


def test_no_flag() -> None:
    with pytest.raises(Unreadable):
        read_flag("vielleicht")


@pytest.mark.parametrize(("text", "value"), [("123", "123"), ("", "0"), ("0", "0"), ("000", "0"), (" 0042 ", "42")])
def test_ids(text: str, value: str) -> None:
    assert read_id(text) == value


@pytest.mark.parametrize("text", ["abc", "-1", "1,0", "1.000", "٣", "1" * 31])
def test_no_ids(text: str) -> None:
    with pytest.raises(Unreadable):
        read_id(text)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("01.09.2026 09:05:00", "2026-09-01T07:05:00"),
        ("1.9.2026 9:5:0", "2026-09-01T07:05:00"),
        ("01.09.2026 09:05", "2026-09-01T07:05:00"),
        ("01.09.2026", "2026-08-31T22:00:00"),
        ("01.12.2026 00:30:00", "2026-11-30T23:30:00"),
        ("  01.12.2026  ", "2026-11-30T23:00:00"),
        ("2024-01-02T22:33:44", "2024-01-02T21:33:44"),
        ("2024-01-02", "2024-01-01T23:00:00"),
        ("2024-01-02T22:33:44.123", "2024-01-02T21:33:44"),
        ("2024-01-02T22:33:44Z", "2024-01-02T22:33:44"),
        ("2024-01-02T22:33:44+01:00", "2024-01-02T21:33:44"),
        ("2024-07-02T22:33:44.1234567+02:00", "2024-07-02T20:33:44"),
        ("2024-01-02 22:33:44 -0500", "2024-01-03T03:33:44"),
        ("02.01.2024 22:33:44 +01:00", "2024-01-02T21:33:44"),
        ("2024-01-02T22:33:44+01", "2024-01-02T21:33:44"),
        ("2024-01-02T22:33:44,5Z", "2024-01-02T22:33:44"),
        ("2024-01-02 22:33 z", "2024-01-02T22:33:00"),
        ("2024-01-02T22:33:44-11:30", "2024-01-03T10:03:44"),
        ("1970-01-02T00:00:00+14:00", "1970-01-01T10:00:00"),
        ("01.12.2026, 10:00", "2026-12-01T09:00:00"),
        ("01.12.2026 10:00 Uhr", "2026-12-01T09:00:00"),
        ("01.12.2026 10:00:00,000", "2026-12-01T09:00:00"),
        ("29.02.2028", "2028-02-28T23:00:00"),
        ("29.03.2026 01:59:59", "2026-03-29T00:59:59"),
        ("29.03.2026 02:30:00", "2026-03-29T01:30:00"),  # never was: an hour later on the clock
        ("29.03.2026 03:00:00", "2026-03-29T01:00:00"),
        ("25.10.2026 02:30:00", "2026-10-25T00:30:00"),  # twice: the first
        ("25.10.2026 03:00:00", "2026-10-25T02:00:00"),
    ],
)
def test_times_are_berlin(text: str, utc: str) -> None:
    moment = read_time(text)
    assert moment is not None
    assert moment.tzinfo is BERLIN
    assert moment.astimezone(UTC) == datetime.fromisoformat(utc + "+00:00")


def test_an_hour_that_never_was_is_read_as_the_one_after() -> None:
    moment = read_time("29.03.2026 02:30:00")
    assert moment is not None
    assert moment.hour == 3


@pytest.mark.parametrize(
    "text",
    [
        "01.01.0001 00:00:00",
        "30.12.1899",
        "01.01.1900 00:00:00",
        "00.00.0000",
        "0000-00-00 00:00:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "01.01.1753",
        "31.12.1969",
        "31.12.9999 23:59:59",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59.9999999-14:00",
    ],
)
def test_a_database_without_date(text: str) -> None:
    assert read_time(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "gestern",
        "31.02.2026",
        "01.13.2026",
        "1.9.26",
        "01.09.2026 25:00:00",
        "01/09/2026",
        "2026-9-1",
        "٠١.٠٩.٢٠٢٦",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+99:99",
        "29.02.2027",
        "01.09.2026 24:00:00",
        "01.09.2026 10:60",
        "20260901",
        "2026-W36-2",
        "1788249600",
        "09/01/2026 10:00:00 AM",
        "null",
        "-",
    ],
)
def test_no_times(text: str) -> None:
    with pytest.raises(Unreadable) as caught:
        read_time(text)
    assert caught.value.__cause__ is None
    assert str(caught.value) == ""


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_formatted_times_are_read_back_up_to_the_double_hour(moment: datetime) -> None:
    moment = moment.replace(microsecond=0)
    again = read_time(format_time(moment))
    assert again is not None
    assert (moment - again).total_seconds() in {0, 3600}
    assert format_time(again) == format_time(moment)


@given(st.text())
def test_any_text_is_read_or_unreadable(text: str) -> None:
    for read in (read_decimal, read_whole, read_flag, read_id, read_time):
        try:
            read(text)
        except Unreadable as error:
            assert str(error) == ""  # noqa: PT017 - it need not happen


@pytest.mark.parametrize(
    ("iso", "plate", "country"),
    [
        ("DE", "D", "DE"), ("de", "", "DE"), (" at ", "D", "AT"), ("", "D", "DE"), ("", "ch", "CH"), ("", "", ""),
        ("UK", "", "GB"), ("EL", "", "GR"), ("XI", "", "GB"), ("", "UK", "GB"), ("", "GBM", "GB"), ("", "ET", "EG"),
        ("", "CHN", "CN"), ("", "BOL", "BO"), ("", "DOM", "DO"), ("", "MGL", "MN"), ("", "NEP", "NP"),
        ("", "SLO", "SI"),
        ("", "CDN", "CA"), ("", "WAN", "NG"), ("", "EAK", "KE"), ("", "ZA", "ZA"), ("", "ROK", "KR"), ("", "PRK", "KP"),
        ("DEU", "", "DE"), ("CHE", "CH", "CH"), ("", "Deutschland", "DE"), ("Österreich", "", "AT"),
        ("", "Schweiz", "CH"),
        ("", "Deutschland (D)", "DE"), ("", "A-Österreich", "AT"), ("", "Slowenien (SLO)", "SI"), ("", "D.", "DE"),
        ("", "EIR", "IE"), ("", "JA", "JM"), ("", "RM", "MG"), ("", "SCV", "VA"), ("", "RUM", "RO"), ("", "ROU", "UY"),
        ("", "C", "CU"), ("", "KS", "KG"), ("", "Rumänien (ROU)", "RO"), ("", "XI", "GB"), ("", "el", "GR"),
        ("Vereinigtes Königreich (UK)", "", "GB"), ("XKX", "", "XK"), ("GRC", "", "GR"),
        ("IC", "E", "ES"), ("EA", "", "ES"), ("\ufeffDE", "", "DE"),
        ("XK", "", "XK"), ("", "RKS", "XK"), ("", "LB", "LB"), ("", "ES", "ES"), ("", "A", "AT"),
    ],
)  # fmt: skip
def test_countries(iso: str, plate: str, country: str) -> None:
    assert read_country(iso, plate) == country


@pytest.mark.parametrize(
    ("iso", "plate"),
    [
        ("XX", "D"),
        ("ZZ", ""),
        ("", "XYZ"),
        ("", "??"),
        ("EU", "D"),
        ("0", ""),
        ("", "Korea"),
        ("", "D-A-CH"),
        ("AN", ""),
        ("YU", ""),
        ("AC", ""),
        ("D", "D"),
        ("SU", ""),
        ("QQ", "CH"),
        ("--", ""),
        ("\u200b?", ""),
    ],
)
def test_a_code_that_is_none_is_unreadable(iso: str, plate: str) -> None:
    with pytest.raises(Unreadable):
        read_country(iso, plate)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("CN", "CN"),
        ("CHN", "CN"),
        ("China", "CN"),
        ("PRC", "CN"),
        ("D", "DE"),
        ("Made in Germany", "DE"),
        ("Slowenien (SLO)", "SI"),
        ("Romania (ROU)", "RO"),
        ("GB/UK", "GB"),
        ("Deutschland / D", "DE"),
        ("Herkunft: Vietnam", "VN"),
        ("hergestellt in Italien", "IT"),
        ("MADE IN P.R.C.", "CN"),
        ("Tschechien", "CZ"),
        ("TWN", "TW"),
        ("CN, CN", "CN"),
        ("", ""),
        ("USA", "US"),
    ],
)
def test_the_origin_of_a_product(text: str, country: str) -> None:
    assert origin_country(text) == country


@pytest.mark.parametrize(
    "text",
    [
        "VN/CN",
        "ROU",
        "BRN",
        "Asien",
        "EU",
        "XX",
        "n/a",
        "-",
        "CN;VN",
        "China oder Vietnam",
        "EU (DE)",
        "DE/CN",
        "D-A-CH",
        "k.A.",
        "diverse",
        "China (Montage: Polen)",
        "China, Vietnahm",
        "0",
        "?",
        "Kongo",
    ],
)
def test_an_origin_that_is_not_certain_is_unreadable(text: str) -> None:
    with pytest.raises(Unreadable):
        origin_country(text)


def test_the_budget_counts_down_and_starts_anew_at_midnight_in_berlin() -> None:
    now = [datetime(2026, 11, 24, 22, 59, tzinfo=UTC)]
    budget = DailyBudget(lambda: now[0])
    assert [budget.spend(), budget.spend()] == [CALLS_PER_DAY - 1, CALLS_PER_DAY - 2]
    now[0] = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert budget.spend() == CALLS_PER_DAY - 1


def test_the_budget_never_falls_below_nothing() -> None:
    budget = DailyBudget(lambda: datetime(2026, 11, 24, tzinfo=UTC))
    for _ in range(CALLS_PER_DAY):
        left = budget.spend()
    assert left == 0
    assert budget.spend() == 0
    assert DailyBudget().spend() == CALLS_PER_DAY - 1
