"""The right house number or none: a wrong one is worse than a refused order."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend_exporter.rules.house_numbers import DividedStreet, divide


@pytest.mark.parametrize(
    ("country", "line", "street", "number", "rest"),
    [
        ("DE", "Ahornweg 7", "Ahornweg", "7", ""),
        ("DE", "Ahornweg 7 b", "Ahornweg", "7 b", ""),
        ("DE", "Ahornweg 7b", "Ahornweg", "7b", ""),
        ("DE", "Musterstr.12", "Musterstr.", "12", ""),
        ("DE", "Musterstr. Nr. 12", "Musterstr.", "12", ""),
        ("DE", "Hausener Str. 4 - 6", "Hausener Str.", "4 - 6", ""),
        ("DE", "Am Markt 3-5", "Am Markt", "3-5", ""),
        ("DE", "Ahornweg 12 a-c", "Ahornweg", "12 a-c", ""),
        ("DE", "Ahornweg 12a/b", "Ahornweg", "12a/b", ""),
        ("DE", "Dorfstr. 14 Whg. 2", "Dorfstr.", "14", "Whg. 2"),
        ("DE", "Ring 7, 3. OG", "Ring", "7", "3. OG"),
        ("DE", "Ring 7 EG links", "Ring", "7", "EG links"),
        ("DE", "Hofgasse 9, Hinterhaus", "Hofgasse", "9", "Hinterhaus"),
        ("DE", "Straße des 17. Juni 135", "Straße des 17. Juni", "135", ""),
        ("DE", "Straße des 17. Juni", None, "", ""),
        ("DE", "Platz der Republik 1", "Platz der Republik", "1", ""),
        ("DE", "Ahornweg 5 6", None, "", ""),
        ("DE", "Q7 24", None, "", ""),
        ("DE", "An der B 75", None, "", ""),
        ("DE", "Packstation 101", None, "", ""),
        ("DE", "Postfach 1234", None, "", ""),
        ("DE", "Straße 5", None, "", ""),
        ("DE", "Neuer Weg 1", "Neuer Weg", "1", ""),
        ("DE", "Lange Straße 20", "Lange Straße", "20", ""),
        ("DE", "Ahornweg", None, "", ""),
        ("DE", "12", None, "", ""),
        ("DE", "", None, "", ""),
        ("DE", "12 Ahornweg", None, "", ""),
        ("AT", "Mariahilfer Str. 12/3/4", "Mariahilfer Str.", "12/3/4", ""),
        ("AT", "Ring 12 Stiege 2 Top 5", "Ring", "12", "Stiege 2 Top 5"),
        ("AT", "Ring 12 Tür 4", "Ring", "12", "Tür 4"),
        ("CH", "Bahnhofstrasse 21", "Bahnhofstrasse", "21", ""),
        ("CH", "Rue du Lac 4bis", "Rue du Lac", "4bis", ""),
        ("CH", "12 rue du Lac", "rue du Lac", "12", ""),
        ("NL", "Kerkstraat 12-2", "Kerkstraat", "12-2", ""),
        ("NL", "Kerkstraat 12 hs", "Kerkstraat", "12", "hs"),
        ("NL", "Kerkstraat 12 III", "Kerkstraat", "12", "III"),
        ("NL", "Kerkstraat 12 bis", "Kerkstraat", "12 bis", ""),
        ("BE", "Kerkstraat 12 bus 3", "Kerkstraat", "12", "bus 3"),
        ("BE", "Rue Neuve 12 bte 3", "Rue Neuve", "12", "bte 3"),
        ("BE", "12 Rue Neuve", "Rue Neuve", "12", ""),
        ("FR", "5 bis rue de la Paix", "rue de la Paix", "5 bis", ""),
        ("FR", "12, avenue Foch", "avenue Foch", "12", ""),
        ("FR", "Rue Neuve 5 bis", "Rue Neuve", "5 bis", ""),
        ("FR", "Rue X 5", None, "", ""),
        ("FR", "12 rue du 8 Mai 1945", "rue du 8 Mai 1945", "12", ""),
        ("FR", "rue du 8 Mai 1945", None, "", ""),
        ("FR", "BP 120", None, "", ""),
        ("IT", "Via Roma, 12", "Via Roma", "12", ""),
        ("IT", "Via Roma 12/A", "Via Roma", "12/A", ""),
        ("IT", "Via Roma n. 12", "Via Roma", "12", ""),
        ("IT", "Via Roma 12 int. 4", "Via Roma", "12", "int. 4"),
        ("IT", "Via 25 Aprile 3", "Via 25 Aprile", "3", ""),
        ("IT", "Via 25 Aprile", None, "", ""),
        ("IT", "Via Roma snc", None, "", ""),
        ("GB", "10 Downing Street", "Downing Street", "10", ""),
        ("DE", "Ring 5 WE 12", "Ring", "5", "WE 12"),
        ("DE", "Ring 5 Tor 3", "Ring", "5", "Tor 3"),
        ("DE", "Ring 5 (Hinterhaus)", "Ring", "5", "(Hinterhaus)"),
        ("DE", "Ring 5 - 3. Stock", "Ring", "5", "3. Stock"),
        ("DE", "Ring 5/4.OG", "Ring", "5", "4.OG"),
        ("DE", "Ring - Nr. 5", "Ring", "5", ""),
        ("DE", "Ring5b", "Ring", "5b", ""),
        ("DE", "Ring 5 #2", "Ring", "5", "#2"),
        ("DE", "1. Querstraße 5", "1. Querstraße", "5", ""),
        ("DE", "Platz des 18. März 1", "Platz des 18. März", "1", ""),
        ("DE", "Dorf Nr. 5", "Dorf", "5", ""),
        ("DE", "Neudorf, Ring 5", "Neudorf, Ring", "5", ""),
        ("AT", "Mariahilfer Str. 12/Stg. 3/Top 4", "Mariahilfer Str.", "12", "Stg. 3/Top 4"),
        ("AT", "Wiener Straße 12 Obj. 3", "Wiener Straße", "12", "Obj. 3"),
        ("AT", "12. Februar-Platz 3", "12. Februar-Platz", "3", ""),
        ("AT", "Linke Wienzeile 48-52/2/5", "Linke Wienzeile", "48-52/2/5", ""),
        ("CH", "Rue du 31-Décembre 8", "Rue du 31-Décembre", "8", ""),
        ("CH", "Place du 1er-Août 4", "Place du 1er-Août", "4", ""),
        ("CH", "12bis, rue du Lac", "rue du Lac", "12bis", ""),
        ("IT", "Via Roma civ. 1", "Via Roma", "1", ""),
        ("IT", "Via Roma, 1 - int. 3", "Via Roma", "1", "int. 3"),
        ("IT", "Piazza 1° Maggio 5", "Piazza 1° Maggio", "5", ""),
        ("IT", "Corso XXII Marzo, 4", "Corso XXII Marzo", "4", ""),
        ("IT", "San Marco 1234", "San Marco", "1234", ""),
        ("FR", "12-14 rue de la Paix", "rue de la Paix", "12-14", ""),
        ("FR", "12 rue de la Paix Bât B", "rue de la Paix", "12", "Bât B"),
        ("FR", "12 rue de la Paix 3ème étage", "rue de la Paix", "12", "3ème étage"),
        ("FR", "1 rue Henri IV", "rue Henri IV", "1", ""),
        ("FR", "12 rue du Lot", "rue du Lot", "12", ""),
        ("FR", "3 place du 14 Juillet", "place du 14 Juillet", "3", ""),
        ("FR", "5 place Charles 1er", "place Charles 1er", "5", ""),
        ("NL", "1e Kerkstraat 12", "1e Kerkstraat", "12", ""),
        ("NL", "2e Jan Steenstraat 45-3", "2e Jan Steenstraat", "45-3", ""),
        ("NL", "Kerkstraat 12 unit 3", "Kerkstraat", "12", "unit 3"),
        ("BE", "12 Rue Neuve bte 3", "Rue Neuve", "12", "bte 3"),
        ("BE", "Avenue du 21 Juillet 3", "Avenue du 21 Juillet", "3", ""),
        ("GB", "221B Baker Street", "Baker Street", "221B", ""),
        ("GB", "10-12 High Street, Flat 2", "High Street", "10-12", "Flat 2"),
        ("US", "123 5th Ave", "5th Ave", "123", ""),
        ("US", "123 Main St Apt 4B", "Main St", "123", "Apt 4B"),
        ("US", "123 Main St #4", "Main St", "123", "#4"),
        ("ES", "Calle 12 de Octubre 5", "Calle 12 de Octubre", "5", ""),
    ],
)
def test_the_number_of_one_line(country: str, line: str, street: str | None, number: str, rest: str) -> None:
    expected = DividedStreet(street, number, rest) if street else None
    assert divide(line, "", country=country) == expected


UNCERTAIN = {
    "DE": (
        *("Ring 5 & 7", "Ring 5 und 7", "Ring 5 u. 7", "Ring 5, 7", "Ring 5 1/2", "Ring 5½", "Ring 5.1", "Ring 5//3"),
        *(
            "Straße 12 Nr. 5",
            "Str. 12",
            "Platz 12",
            "Hermes Shop, Weg 5",
            "Halle 12 Stand 4",
            "Halle 5",
            "Tor 3",
            "Etage 3",
        ),
        *(
            "Whg. 5",
            "Zimmer 12",
            "Hotel Adler, Zimmer 12",
            "Nr. 5",
            "Haus Nr. 5",
            "Kd-Nr. 1234",
            "Tel. 1234",
            "Firma 24",
        ),
        *(
            "Bundesstr. 5",
            "Bundesstraße 75 12",
            "A7 Raststätte 3",
            "L 34 5",
            "Ring 0",
            "Ring 50667",
            "Ring 5, 50667 Köln",
        ),
        *("Ring 5 Köln", "Ring 5 Klingel Müller", "Straße des 17. Juni 1953", "Ring 5 Postfach 12", "Stellplatz 7"),
        *("Packstation Nr. 101", "DHL-Packstation 145", "Postfach 10 20 30", "Am 5", "Ring 7 Tel 0351 123456"),
    ),
    "AT": ("Haus 12", "Objekt 12", "KGV Rosental Parz. 12", "Straße 12/12", "Block 5 Haus 3"),
    "CH": ("Case postale 12", "Casella postale 12", "Rue 12", "Dorfstrasse 12.1", "chemin 12"),
    "IT": (
        *(
            "Via dei 1000",
            "Via 1 Maggio",
            "Strada Statale 12",
            "SS 12 km 5",
            "SP 34 n. 5",
            "Casella Postale 12",
            "CP 12",
        ),
        *("Calle 12", "Palazzina 3", "Lotto 12", "Interno 5", "Strada 5 n. 3"),
    ),
    "FR": (
        *("12 et 14 rue de la Paix", "12/14 rue de la Paix", "4 rue Louis 14", "33 rue 33", "Bât. A 12 rue Xavier"),
        *("Avenue du 19 Mars 1962 5", "Résidence Les Pins Bât 3", "TSA 1234", "RN 7", "Route 66", "12 A", "1 allée 3"),
    ),
    "NL": ("Plein 1944", "Plein 1944 5", "Laan van 1940-1945", "Postbus 123", "Kerkstraat tegenover 12", "Kade 10 20"),
    "BE": ("Boîte postale 12", "Postbus 12", "N9 12", "Zone 3 n° 4"),
    "GB": ("Flat 3, 10 High Street", "3/10 High Street", "Unit 5", "PO Box 12", "Suite 4, 12 High St"),
    "US": (
        "123-45 Main St",
        "123 State Route 9",
        "Highway 61",
        "PSC 123 Box 456",
        "Unit 2050 Box 4190",
        "123 1/2 Main St",
    ),
    "CA": ("5-123 Main Street", "RR 2 Box 45", "Apt 5 123 Main Street"),
    "ES": ("Calle 12 de Octubre", "Calle 5 12", "Ctra. N-340 km 12"),
}


@pytest.mark.parametrize(
    ("country", "line"), [(country, line) for country, lines in UNCERTAIN.items() for line in lines]
)
def test_no_number_is_better_than_a_wrong_one(country: str, line: str) -> None:
    assert divide(line, "", country=country) is None


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (("Ahornweg", "7 b"), DividedStreet("Ahornweg", "7 b")),
        (("Ahornweg", "Nr. 7"), DividedStreet("Ahornweg", "7")),
        (("Ahornweg 7", "Hinterhaus"), DividedStreet("Ahornweg", "7", "Hinterhaus")),
        (("Dorfstr. 14 Whg. 2", "2. Klingel"), DividedStreet("Dorfstr.", "14", "Whg. 2, 2. Klingel")),
        (("c/o Erfunden", "Ahornweg 7"), DividedStreet("Ahornweg", "7", "c/o Erfunden")),
        (("C/O Erfunden 3", "Ahornweg 7"), DividedStreet("Ahornweg", "7", "C/O Erfunden 3")),
        (("c/o Erfunden", ""), None),
        (("Ahornweg", "Hinterhaus 3"), None),
        (("Erfunden GmbH", "Ahornweg 7"), None),
        (("Packstation", "101"), None),
        (("Erfunden GmbH", "7"), None),
        (("Ahornweg", "50667"), None),
        (("Ahornweg", "3. OG"), None),
        (("Ahornweg", "0"), None),
        (("Halle", "4"), None),
        (("chez Erfunden", "12 Ahornweg"), None),
        (("presso Erfunden", "Via Roma 3"), DividedStreet("Via Roma", "3", "presso Erfunden")),
        (("z. Hd. Erfunden", "Ahornweg 7, 2. OG"), DividedStreet("Ahornweg", "7", "2. OG, z. Hd. Erfunden")),
        (("", "7"), None),
    ],
)
def test_the_number_of_two_lines(lines: tuple[str, str], expected: DividedStreet | None) -> None:
    assert divide(*lines, country="DE") == expected


PIECES = st.sampled_from(
    [
        *"1 5 12 b / - , . # é ß\x0b",
        "1945",
        "Ring",
        "Str.",
        "rue",
        "bis",
        "Nr.",
        "OG",
        "c/o",
        "Juni",
        "von",
        "X",
        "  ",
        "½",
    ]
)
LINES = st.text(max_size=60) | st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=8).map(" ".join)


@given(LINES, LINES, st.sampled_from(["DE", "FR", "IT", "NL", "US", "CA", ""]))
def test_no_number_is_invented(line_1: str, line_2: str, country: str) -> None:
    found = divide(line_1, line_2, country=country)
    if found is not None:
        typed = " ".join(f"{line_1} {line_2}".split())
        assert found.number in typed
        assert any(char.isdigit() for char in found.number)
        shown = f"{found.street} {found.number} {found.second_line}"
        assert set(re.findall(r"\d+", shown)) <= set(re.findall(r"\d+", typed))
