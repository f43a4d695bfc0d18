"""The right house number or none: a wrong one is worse than a refused order."""

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
        ("CH", "Rue du Lac 4bis", None, "", ""),
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
        ("FR", "12 rue du 8 Mai 1945", None, "", ""),
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
    ],
)
def test_the_number_of_one_line(country: str, line: str, street: str | None, number: str, rest: str) -> None:
    expected = DividedStreet(street, number, rest) if street else None
    assert divide(line, "", country=country) == expected


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
        (("", "7"), None),
    ],
)
def test_the_number_of_two_lines(lines: tuple[str, str], expected: DividedStreet | None) -> None:
    assert divide(*lines, country="DE") == expected


@given(st.text(max_size=60), st.text(max_size=30), st.sampled_from(["DE", "FR", "IT", "NL", ""]))
def test_no_number_is_invented(line_1: str, line_2: str, country: str) -> None:
    found = divide(line_1, line_2, country=country)
    if found is not None:
        typed = " ".join(f"{line_1} {line_2}".split())
        assert found.number in typed
        assert any(char.isdigit() for char in found.number)
