"""The report as plain text; a calm week is three lines."""

from collections.abc import Iterator
from datetime import date

from aftersend.report.groups import LISTS, OrderGroup, groups, missed, took, totals
from aftersend.report.merchant_report import MerchantReport
from aftersend.report.words import Words


def as_text(report: MerchantReport, words: Words) -> str:
    """Return the lines of the report."""
    return "\n".join(_lines(report, words))


def period_text(report: MerchantReport, words: Words) -> str:
    """Return first and last day in words."""
    first, last = (date.fromisoformat(day).strftime(words.say("date")) for day in (report.first, report.last))
    return words.say("period", first=first, last=last)


def _lines(report: MerchantReport, words: Words) -> Iterator[str]:
    yield f"{report.tenant}, {period_text(report, words)}"
    yield "; ".join(filter(None, (totals(report, words), took(report, words)))) + "."
    if report.is_calm:
        yield words.say("calm")
    if report.suspended:
        yield words.say("suspended")
    yield from missed(report, words)
    for name in LISTS:
        found = groups(report, name, words)
        if found:
            yield ""
            count = words.number(sum(group.count for group in found))
            yield f"{words.say(name)} ({count}). {words.say(f'{name}_note')}"
        for group in found:
            yield from _group(group, words)


def _group(group: OrderGroup, words: Words) -> Iterator[str]:
    more = [words.say("more", n=words.number(group.left_out))] if group.left_out else []
    yield f"  {group.advice.title}: {', '.join([*group.orders, *more])}"
    yield f"    {' '.join(filter(None, (group.advice.meaning, _sentence(group.detail))))}"
    yield f"    {words.say('to_do')} {group.advice.cure}"


def _sentence(text: str) -> str:
    return f"({text})" if text else ""
