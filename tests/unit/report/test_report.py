"""Text and page of a report, from its facts."""

import html
import re
from typing import Any, get_args

import pytest

from aftersend.errors import Misconfigured
from aftersend.report.as_html import as_html
from aftersend.report.as_text import as_text
from aftersend.report.groups import MAX_SHOWN
from aftersend.report.merchant_report import (
    LabelToAfterbuy,
    MerchantReport,
    ReportedOrder,
    RunCounts,
    label_to_afterbuy,
    run_counts,
)
from aftersend.report.period import days_of
from aftersend.report.words import Language, words_in

SINCE = "2026-11-25T08:00:00.000Z"


def facts(**changes: Any) -> MerchantReport:
    calm: dict[str, Any] = {
        "tenant": "mueller",
        "first": "2026-11-23",
        "last": "2026-11-30",
        "language": "en",
        "suspended": False,
        "sent": 1412,
        "labelled": 1398,
        "written_back": 1397,
        "label_to_afterbuy": LabelToAfterbuy(4, 190),
        "problems": (),
        "notices": (),
        "held": (),
        "export": RunCounts(done=168),
        "sweep": RunCounts(done=504),
    }
    return MerchantReport(**calm | changes)


def listed(code: str, path: str = "", *, order: str = "700123") -> ReportedOrder:
    return ReportedOrder(order, code, path, SINCE)


def busy(**changes: Any) -> MerchantReport:
    many = tuple(listed("unpaid", order=str(order)) for order in range(700_000, 700_030))
    problems = (listed("rejected", "a<b>"), listed("given_up", "unpaid"), listed("rejected", "a<b>", order="700124"))
    return facts(
        problems=problems,
        notices=(listed("state_missing", "shipping_address.state"),),
        held=many,
        export=RunCounts(missed=4),
        suspended=True,
        **changes,
    )


def test_a_calm_week_is_three_lines() -> None:
    assert as_text(facts(), words_in("en")).splitlines() == [
        "mueller, 23 Nov 2026 to 30 Nov 2026",
        (
            "1,412 orders sent to Sendcloud, 1,398 with a label, 1,397 parcel numbers written to Afterbuy; "
            "from label to Afterbuy usually 4 seconds, at most 3 minutes."
        ),
        "Nothing to do: no problem, no notice, nothing held, no run missed.",
    ]


def test_without_numbers_there_is_no_time() -> None:
    nothing = facts(sent=0, labelled=0, written_back=0, label_to_afterbuy=LabelToAfterbuy(None, None))
    text = as_text(nothing, words_in("de"))
    assert text.splitlines()[1].endswith("0 Paketnummern nach Afterbuy geschrieben.")


@pytest.mark.parametrize("language", get_args(Language))
def test_text_and_page_say_the_same(language: Language) -> None:
    words, report = words_in(language), busy(language=language)
    text, page = as_text(report, words), html.unescape(re.sub("<[^>]+>", "", as_html(report, words)))
    for name in ("problems", "notices", "held"):
        assert words.say(name) in text
        assert words.say(name) in page
    for expected in (
        words.problems["rejected"].cure,
        words.detail("problems", "rejected", "a<b>"),
        words.detail("problems", "given_up", "unpaid"),
        words.say("missed_export", n=4),
        words.say("suspended"),
        words.say("more", n=30 - MAX_SHOWN),
        "700124",
    ):
        assert expected in text, expected
        assert expected in page, expected
    assert words.say("calm") not in text + page


def test_nothing_of_the_page_is_a_script_or_comes_from_elsewhere() -> None:
    page = as_html(busy(), words_in("de"))
    assert "a<b>" not in page
    assert not re.search(r"<script|<link|<img|<form|style=|\bon\w+=|src=|href=|url\(", page)
    policy = html.unescape(re.findall(r'Content-Security-Policy" content="([^"]*)"', page)[0])
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    ("counts", "median", "slowest"),
    [
        ({}, None, None),
        ({"sent": 5}, None, None),
        ({"took:7": 1}, 7, 7),
        ({"took:7": 1, "took:9": 1}, 7, 9),
        ({"took:7": 1, "took:9": 2, "took:100": 1}, 9, 100),
        ({"took:1000": 1, "took:2": 50}, 2, 1000),
    ],
)
def test_median_and_slowest(counts: dict[str, int], median: int | None, slowest: int | None) -> None:
    assert label_to_afterbuy(counts) == LabelToAfterbuy(median, slowest)


def test_runs_of_a_kind() -> None:
    assert run_counts({"export.done": 3, "export.missed": 1, "sweep.done": 9, "export.new": 1}, "export") == RunCounts(
        done=3, missed=1
    )


@pytest.mark.parametrize("since", ["", "7", "0d", "31d", "-1d", "7 d", "7D", "1w", "٧d", "7d\n", "100d", "1.5d"])
def test_a_wrong_period_says_what_to_use(since: str) -> None:
    with pytest.raises(Misconfigured, match="use 1d to 30d, such as 7d"):
        days_of(since)


def test_a_period() -> None:
    assert [days_of(since) for since in ("1d", "7d", "30d", "07d")] == [1, 7, 30, 7]
