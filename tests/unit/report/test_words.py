"""Both languages say something about every code that an order may get."""

from typing import get_args

import pytest

from aftersend.ledger.index import NOTICE_CODES, PROBLEM_CODES
from aftersend.report.words import Language, words_in
from aftersend_exporter.rules.eligibility import CURABLE
from aftersend_exporter.rules.transitions import GONE, LATER

LANGUAGES = get_args(Language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_code_has_words(language: Language) -> None:
    words = words_in(language)
    assert set(PROBLEM_CODES) <= words.problems.keys()
    assert set(NOTICE_CODES) <= words.notices.keys()
    assert {*CURABLE, LATER, GONE} <= words.held.keys()
    every = [*words.problems.values(), *words.notices.values(), *words.held.values()]
    assert all(text.strip() for advice in every for text in (advice.title, advice.meaning, advice.cure))


def test_the_languages_have_the_same_texts() -> None:
    first, second = (words_in(language) for language in LANGUAGES)
    for name in ("words", "problems", "notices", "held"):
        assert getattr(first, name).keys() == getattr(second, name).keys()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1, "1 second"),
        (2, "2 seconds"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (7199, "120 minutes"),
        (7200, "2 hours"),
        (172_800, "2 days"),
        (1_000_000, "12 days"),
    ],
)
def test_durations(seconds: int, text: str) -> None:
    assert words_in("en").duration(seconds) == text


def test_what_a_code_is_about_is_a_reason_or_a_field() -> None:
    words = words_in("de")
    assert words.detail("problems", "rejected", "shipping_address.city") == "Feld: shipping_address.city"
    assert words.detail("problems", "given_up", "unpaid") == "Grund: Noch nicht bezahlt"
    assert words.detail("problems", "given_up", "label") == ""
    assert words.advice("problems", "given_up", "label").title == "Schon lange ohne Etikett"
    assert words.advice("problems", "from_the_future", "").title == "Offene Frage"
    assert words_in("de").number(1234567) == "1.234.567"
