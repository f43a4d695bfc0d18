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
        ("Türkei", "TR"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Südkorea", "KR"), ("South Korea", "KR"), ("USA", "US"),
        ("Vereinigte Staaten", "US"), ("U.S.A.", "US"), ("Großbritannien", "GB"), ("England", "GB"), ("Bolivia", "BO"),
        ("Bolivien", "BO"), ("Tschechien", "CZ"), ("Tschechische Republik", "CZ"), ("Kosovo", "XK"), ("Russland", "RU"),
        ("Taiwan", "TW"), ("Hongkong", "HK"), ("Niederlande", "NL"), ("Schweiz", "CH"), ("P. R. China", "CN"),
        ("V.R.China", "CN"), ("PR China", "CN"), ("China (VR)", "CN"), ("China, VR", "CN"), ("Ursprung: China", "CN"),
        ("Country of origin: PRC", "CN"), ("Mainland China", "CN"), ("CHINA/PRC", "CN"), ("Hong Kong, China", "HK"),
        ("Taiwan, ROC", "TW"), ("Republik China", "TW"), ("Taiwan (China)", ""), ("BRD", "DE"),
        ("Bundesrepublik Deutschland", "DE"), ("Oesterreich", "AT"), ("Tuerkei", "TR"), ("Rumaenien", "RO"),
        ("Daenemark", "DK"), ("Vereinigtes Koenigreich", "GB"), ("U.K.", "GB"), ("Nordirland", "GB"), ("Suisse", "CH"),
        ("Svizzera", "CH"), ("Italia", "IT"), ("España", "ES"), ("Belgique", "BE"), ("België", "BE"),
        ("Nederland", "NL"), ("The Netherlands", "NL"), ("Polska", "PL"), ("Česko", "CZ"), ("Hrvatska", "HR"),
        ("Ελλάδα", "GR"), ("Magyarország", "HU"), ("Sverige", "SE"), ("Norge", "NO"), ("Suomi", "FI"), ("Éire", "IE"),
        ("Bosnien-Herzegowina", "BA"), ("Bosnia & Herzegovina", "BA"), ("Mazedonien", "MK"), ("Moldawien", "MD"),
        ("Elfenbeinküste", "CI"), ("Cape Verde", "CV"), ("Burma", "MM"), ("Dom. Rep.", "DO"), ("VAE", "AE"),
        ("Korea (Süd)", "KR"), ("Korea, Republic of", "KR"), ("S. Korea", "KR"), ("Suedafrika", "ZA"),
        ("Vatikan", "VA"), ("Sint Maarten", "SX"), ("Färöer", "FO"), ("DR Kongo", "CD"), ("Kanarische Inseln", "ES"),
        ("Kongo", ""), ("Fernost", ""), ("diverse", ""), ("China oder Vietnam", ""), ("CN & VN", ""), ("CN+VN", ""),
        ("DE CN", ""), ("D-A-CH", ""), ("China (Montage Polen)", ""), ("China/Taiwan", ""), ("Amerika", ""),
        ("DDR", ""), ("Jugoslawien", ""), ("made in eu", ""), ("null", ""), ("China / Thaiwan", ""), ("VN/CN", ""),
        ("China, Vietnam", ""), ("Korea", ""), ("Congo", ""), ("XX", ""), ("ZZZ", ""), ("", ""), ("Asien", ""),
        ("EU", ""), ("-", ""), ("n/a", ""), ("unbekannt", ""), ("0", ""),
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
        ("US", "Puerto Rico", "US-PR"), ("US", "New York, CA", ""), ("US", "Bayern", ""), ("US", "APO", ""),
        ("US", "N", ""), ("US", "", ""), ("AU", "New South Wales", "AU-NSW"), ("AU", "nsw", "AU-NSW"),
        ("AU", "N.S.W.", "AU-NSW"), ("AU", "QLD (Queensland)", "AU-QLD"), ("DE", "Bayern", ""), ("", "NY", ""),
        ("IT", "Provincia di Roma", "IT-RM"), ("IT", "Prov. MI", "IT-MI"),
        ("IT", "Città Metropolitana di Napoli", "IT-NA"), ("IT", "Milano MI", "IT-MI"), ("IT", "MI Milano", "IT-MI"),
        ("IT", "Pesaro-Urbino", "IT-PU"), ("IT", "PS", "IT-PU"), ("IT", "Reggio nell’Emilia", "IT-RE"),
        ("IT", "Reggio Calabria (RC)", "IT-RC"), ("IT", "Valle d'Aosta", "IT-AO"), ("IT", "Aosta", "IT-AO"),
        ("IT", "Südtirol", "IT-BZ"), ("IT", "Suedtirol", "IT-BZ"), ("IT", "Bolzano/Bozen", "IT-BZ"),
        ("IT", "Trentino-Alto Adige", ""), ("IT", "Barletta-Andria-Trani", "IT-BT"), ("IT", "Forli'", "IT-FC"),
        ("IT", "Monza Brianza", "IT-MB"), ("IT", "20121 Milano", ""), ("IT", "Roma MI", ""), ("IT", "Toscana", ""),
        ("IT", "Verbania", "IT-VB"), ("IT", "Spezia", "IT-SP"), ("IT", "Görz", "IT-GO"), ("IT", "Goerz", "IT-GO"),
        ("CA", "Province of Quebec", "CA-QC"), ("CA", "Qué.", "CA-QC"), ("CA", "Province de Québec", "CA-QC"),
        ("CA", "Nouvelle-Écosse", "CA-NS"), ("CA", "Colombie-Britannique", "CA-BC"),
        ("CA", "Île-du-Prince-Édouard", "CA-PE"), ("CA", "Newfoundland & Labrador", "CA-NL"), ("CA", "Nfld.", "CA-NL"),
        ("CA", "Ont.", "CA-ON"), ("CA", "Sask", "CA-SK"), ("CA", "Alta.", "CA-AB"), ("CA", "N.W.T.", "CA-NT"),
        ("CA", "Toronto ON M5V 2T6", ""), ("CA", "Toronto, ON", "CA-ON"), ("CA", "ON Ontario", "CA-ON"),
        ("CA", "Yukon Territory", "CA-YT"), ("CA", "Ontario, Canada", "CA-ON"), ("US", "Calif.", "US-CA"),
        ("US", "State of New York", "US-NY"), ("US", "New York State", "US-NY"), ("US", "NY, USA", "US-NY"),
        ("US", "Brooklyn NY", "US-NY"), ("US", "Brooklyn NY 11201", "US-NY"), ("US", "CA 90001-1234", "US-CA"),
        ("US", "N. Carolina", "US-NC"), ("US", "W. Va.", "US-WV"), ("US", "Penna.", "US-PA"),
        ("US", "Hawai'i", "US-HI"), ("US", "APO AE", "US-AE"), ("US", "FPO, AP", "US-AP"), ("US", "DPO/AA", "US-AA"),
        ("US", "Armed Forces Europe/Canada/Middle East/Africa", "US-AE"), ("US", "Washington, DC", "US-DC"),
        ("US", "D. C.", "US-DC"), ("US", "D.C", "US-DC"), ("US", "U.S. Virgin Islands", "US-VI"),
        ("US", "Kansas City, MO", "US-MO"), ("US", "Rome GA", "US-GA"), ("US", "Kalifornien", "US-CA"),
        ("US", "Nordkarolina", "US-NC"), ("US", "LA JOLLA", ""), ("US", "New York CA", ""), ("US", "Armed Forces", ""),
        ("US", "Brooklyn ny", ""), ("US", "Jersey", ""), ("AU", "Sydney NSW 2000", "AU-NSW"),
        ("AU", "NSW 2000", "AU-NSW"), ("AU", "Vic.", "AU-VIC"), ("AU", "W.A.", "AU-WA"), ("AU", "A.C.T.", "AU-ACT"),
        ("AU", "Neusüdwales", "AU-NSW"), ("AU", "Tasmanien", "AU-TAS"),
    ],
)  # fmt: skip
def test_subdivision_code(country: str, text: str, code: str) -> None:
    assert subdivision_code(country=country, state=text) == code


@pytest.mark.parametrize(
    ("country", "code", "names"),
    [(country, code, names) for country, states in iso3166.subdivisions().items() for code, names in states.items()],
)
def test_every_state_in_every_spelling(country: str, code: str, names: list[str]) -> None:
    spellings = {
        *(code, code.lower(), f" {code}. ", f"({code})", f"{country}-{code}", f"{country} {code}"),
        *(
            text
            for name in names
            for text in (name, name.upper(), f"{name} ({code})", f"{code} - {name}", f"{code}-{name}")
        ),
        *(
            text
            for name in names
            for text in (f"{name}, {code}", f"{name}/{code}", name.replace(" ", "-"), name.replace("-", " "))
        ),
    }
    found = {text: subdivision_code(country=country, state=text) for text in spellings}
    assert {text for text, each in found.items() if each != f"{country}-{code}"} == set()


def test_a_text_of_a_page_is_no_name() -> None:
    assert country_code("China " * 50) == country_code("China, " * 50) == ""
    assert subdivision_code(country="US", state="NY, " * 1_000_000) == ""


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
