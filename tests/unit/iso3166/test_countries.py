"""Countries and states: what is clear to a person gets its code, everything else gets none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend.iso3166.countries import country_code
from aftersend.iso3166.subdivisions import needs_state, subdivision_code
from tools import iso3166


@pytest.mark.parametrize(("path", "text"), iso3166.files().items(), ids=lambda value: getattr(value, "name", ""))
def test_the_tables_are_those_of_pycountry(path: object, text: str) -> None:
    assert path.read_text() == text, "python -m tools.iso3166"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("CN", "CN"), ("cn", "CN"), ("CHN", "CN"), ("China", "CN"), ("PRC", "CN"), ("P.R.C.", "CN"), ("VR China", "CN"),
        ("Volksrepublik China", "CN"), ("People's Republic of China", "CN"), ("China (CN)", "CN"), ("CN/China", "CN"),
        ("CN - China", "CN"), ("Made in China", "CN"), ("Deutschland", "DE"), ("GERMANY", "DE"), ("deu", "DE"),
        ("Österreich", "AT"), ("Osterreich", "AT"), ("Côte d'Ivoire", "CI"), ("Vietnam", "VN"), ("Viet Nam", "VN"),
        ("Türkei", "TR"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Südkorea", "KR"), ("South Korea", "KR"),
        ("USA", "US"), ("Vereinigte Staaten", "US"), ("U.S.A.", "US"), ("Großbritannien", "GB"), ("England", "GB"),
        ("Bolivia", "BO"), ("Bolivien", "BO"), ("Tschechien", "CZ"), ("Tschechische Republik", "CZ"), ("Kosovo", "XK"),
        ("Russland", "RU"), ("Taiwan", "TW"), ("Hongkong", "HK"), ("Niederlande", "NL"), ("Schweiz", "CH"),
        ("VN/CN", ""), ("China, Vietnam", ""), ("Korea", ""), ("Congo", ""), ("XX", ""), ("ZZZ", ""), ("", ""),
        ("Asien", ""), ("EU", ""), ("-", ""), ("n/a", ""), ("unbekannt", ""), ("0", ""),
    ],
)  # fmt: skip
def test_country_code(text: str, code: str) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("country", "text", "code"),
    [
        ("IT", "Roma", "IT-RM"), ("IT", "Roma (RM)", "IT-RM"), ("IT", "RM", "IT-RM"), ("IT", "Rom", "IT-RM"),
        ("IT", "Lazio (RM)", "IT-RM"), ("IT", "Forlì-Cesena", "IT-FC"), ("IT", "Forli Cesena", "IT-FC"),
        ("IT", "FORLI'-CESENA (FC)", "IT-FC"), ("IT", "L'Aquila", "IT-AQ"), ("IT", "Monza e Brianza", "IT-MB"),
        ("IT", "Mailand", "IT-MI"), ("IT", "it-mi", "IT-MI"), ("IT", "Bolzano", "IT-BZ"), ("IT", "Lazio", ""),
        ("IT", "Roma (MI)", ""), ("IT", "Italia", ""), ("CA", "Québec", "CA-QC"), ("CA", "Quebec", "CA-QC"),
        ("CA", "PQ", "CA-QC"), ("CA", "British-Columbia", "CA-BC"), ("CA", "B.C.", "CA-BC"), ("CA", "ca-on", "CA-ON"),
        ("CA", "ON, Ontario", "CA-ON"), ("CA", "Newfoundland", "CA-NL"), ("CA", "P.E.I.", "CA-PE"), ("CA", "NY", ""),
        ("US", "AE", "US-AE"), ("US", "Armed Forces Europe", "US-AE"), ("US", "D.C.", "US-DC"), ("US", "N.Y.", "US-NY"),
        ("US", "Washington D.C.", "US-DC"), ("US", "NY - New York", "US-NY"), ("US", "NY-New York", "US-NY"),
        ("US", "New York (NY)", "US-NY"), ("US", "new york", "US-NY"), ("US", "US-NY", "US-NY"),
        ("US", "Puerto Rico", "US-PR"),
        ("US", "New York, CA", ""), ("US", "Bayern", ""), ("US", "APO", ""), ("US", "N", ""), ("US", "", ""),
        ("AU", "New South Wales", "AU-NSW"), ("AU", "nsw", "AU-NSW"), ("AU", "N.S.W.", "AU-NSW"),
        ("AU", "QLD (Queensland)", "AU-QLD"),        ("DE", "Bayern", ""), ("", "NY", ""),
    ],
)  # fmt: skip
def test_subdivision_code(country: str, text: str, code: str) -> None:
    assert subdivision_code(country=country, state=text) == code


def test_which_countries_need_a_state() -> None:
    assert [country for country in ("US", "CA", "AU", "IT", "DE", "GB", "") if needs_state(country)] == [
        "US",
        "CA",
        "AU",
        "IT",
    ]


@given(st.text(max_size=40), st.sampled_from(["US", "CA", "AU", "IT", "DE"]))
def test_any_text_is_read_without_an_exception(text: str, country: str) -> None:
    assert len(country_code(text)) in {0, 2}
    assert subdivision_code(country=country, state=text) == "" or needs_state(country)
