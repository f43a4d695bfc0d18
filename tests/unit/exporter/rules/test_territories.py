"""Which destinations need customs papers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend_exporter.rules.territories import needs_customs

INSIDE = [
    ("DE", "10115", "Berlin"),
    ("DE", "78267", "next to Büsingen"),
    ("DE", "27472", "Cuxhaven, opposite Heligoland"),
    ("AT", "6691", "Jungholz"),
    ("AT", "6991", "Kleinwalsertal"),
    ("ES", "28001", "Madrid"),
    ("ES", "07001", "Balearic Islands"),
    ("ES", "53500", "no such place, not Melilla"),
    ("PT", "9000-001", "Madeira"),
    ("PT", "9500-001", "Azores"),
    ("FR", "75001", "Paris"),
    ("FR", "20000", "Corsica"),
    ("FR", "98000", "Monaco under France's name"),
    ("MC", "98000", "Monaco"),
    ("IT", "00118", "Rome, near the Vatican"),
    ("IT", "23030", "Valdidentro, next to Livigno"),
    ("IT", "47921", "Rimini, next to San Marino"),
    ("FI", "00100", "Helsinki"),
    ("FI", "21100", "Naantali"),
    ("GR", "10431", "Athens"),
    ("GR", "63075", "Ierissos, outside the monks' republic"),
    ("DK", "3700", "Bornholm"),
    ("CY", "1010", "Nicosia"),
    ("GB", "BT1 5GS", "Belfast"),
    ("GB", "bt15gs", "Belfast, carelessly written"),
    ("GB", "GB-BT48 6DQ", "Derry with a country prefix"),
    ("XI", "BT1 5GS", "Northern Ireland as customs spell it"),
    ("nl", "1011 AB", "Amsterdam in small letters"),
    ("HR", "", "Croatia without a postal code"),
]

OUTSIDE = [
    ("CH", "8238", "Büsingen with its Swiss code"),
    ("CH", "8001", "Zürich"),
    ("LI", "9490", "Liechtenstein"),
    ("NO", "0150", "Oslo"),
    ("SJ", "9170", "Svalbard"),
    ("IS", "101", "Reykjavik"),
    ("GB", "SW1A 1AA", "London"),
    ("GB", "B1 1BT", "Birmingham; BT only at the end"),
    ("GB", "BTA", "no postal code of Northern Ireland"),
    ("GB", "", "Great Britain without a postal code"),
    ("GB", "IM1 1AA", "Isle of Man under Britain's name"),
    ("IM", "IM1 1AA", "Isle of Man"),
    ("JE", "JE2 3AB", "Jersey"),
    ("GG", "GY1 1AA", "Guernsey"),
    ("GI", "GX11 1AA", "Gibraltar"),
    ("DE", "78266", "Büsingen"),
    ("DE", "D-78266", "Büsingen with a country prefix"),
    ("DE", " 27498 ", "Heligoland"),
    ("ES", "35001", "Las Palmas"),
    ("ES", "38001", "Tenerife"),
    ("ES", "51001", "Ceuta"),
    ("ES", "52001", "Melilla"),
    ("IC", "35001", "Canary Islands by their own code"),
    ("EA", "51001", "Ceuta and Melilla by their own code"),
    ("IT", "23041", "Livigno"),
    ("IT", "I-22061", "Campione d'Italia"),
    ("IT", "47890", "San Marino under Italy's name"),
    ("IT", "00120", "Vatican under Italy's name"),
    ("SM", "47890", "San Marino"),
    ("VA", "00120", "Vatican"),
    ("AD", "AD500", "Andorra"),
    ("FI", "22100", "Mariehamn under Finland's name"),
    ("FI", "AX-22100", "Mariehamn as Åland's post writes it"),
    ("AX", "22100", "Åland"),
    ("FR", "97110", "Guadeloupe under France's name"),
    ("FR", "97400", "Réunion under France's name"),
    ("FR", "98714", "Tahiti under France's name"),
    ("FR", "98800", "New Caledonia under France's name"),
    ("GP", "97110", "Guadeloupe"),
    ("MQ", "97200", "Martinique"),
    ("GF", "97300", "French Guiana"),
    ("RE", "97400", "Réunion"),
    ("YT", "97600", "Mayotte"),
    ("GR", "630 86", "Mount Athos"),
    ("DK", "3900", "Nuuk under Denmark's name"),
    ("GL", "3900", "Greenland"),
    ("FO", "100", "Faroe Islands"),
    ("AW", "", "Aruba"),
    ("TR", "34000", "Turkey: customs union, but not the tax area"),
    ("US", "10001", "New York"),
    ("XK", "10000", "Kosovo"),
    ("", "", "unknown"),
]


@pytest.mark.parametrize(("country", "postal_code", "_place"), INSIDE, ids=[place for _, _, place in INSIDE])
def test_inside_needs_no_papers(country: str, postal_code: str, _place: str) -> None:
    assert not needs_customs(country=country, postal_code=postal_code)


@pytest.mark.parametrize(("country", "postal_code", "_place"), OUTSIDE, ids=[place for _, _, place in OUTSIDE])
def test_outside_needs_papers(country: str, postal_code: str, _place: str) -> None:
    assert needs_customs(country=country, postal_code=postal_code)


@given(st.text(), st.text())
def test_any_text_gets_an_answer(country: str, postal_code: str) -> None:
    assert needs_customs(country=country, postal_code=postal_code) in {True, False}


@given(st.sampled_from(["NL", "PL", "SE", "BE"]), st.text())
def test_most_member_states_are_inside_as_a_whole(country: str, postal_code: str) -> None:
    assert not needs_customs(country=country, postal_code=postal_code)
