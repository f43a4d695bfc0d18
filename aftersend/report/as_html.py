"""The report as one static page: no script, no request; its one style is allowed by its hash."""

import base64
import hashlib
import html
from collections.abc import Iterator
from importlib.resources import files
from string import Template
from typing import Final

from aftersend.printable import printable
from aftersend.report.as_text import period_text
from aftersend.report.groups import LISTS, OrderGroup, groups, missed, took
from aftersend.report.merchant_report import MerchantReport
from aftersend.report.words import ListName, Words

_FOLDER: Final = files("aftersend.report") / "page"


def as_html(report: MerchantReport, words: Words) -> str:
    """Return the page."""
    style = _read("page.css")
    return Template(_read("template.html")).substitute(
        language=report.language,
        policy=f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src '{_digest(style)}'",
        style=style,
        title=_escaped(words.say("title")),
        tenant=_escaped(report.tenant),
        period=_escaped(period_text(report, words)),
        figures="".join(_figures(report, words)),
        took=_escaped(took(report, words)),
        state="".join(_state(report, words)),
        lists="".join(line for name in LISTS for line in _list(report, name, words)),
        footer=_escaped(words.say("footer")),
    )


def _figures(report: MerchantReport, words: Words) -> Iterator[str]:
    for name, count in (("sent", report.sent), ("labelled", report.labelled), ("written", report.written_back)):
        yield f"<li><strong>{_escaped(words.number(count))}</strong> {_escaped(words.say(name))}</li>"


def _state(report: MerchantReport, words: Words) -> Iterator[str]:
    if report.is_calm:
        yield f'<p class="calm">{_escaped(words.say("calm"))}</p>'
    if report.suspended:
        yield f'<p class="alert">{_escaped(words.say("suspended"))}</p>'
    for sentence in missed(report, words):
        yield f'<p class="alert">{_escaped(sentence)}</p>'


def _list(report: MerchantReport, name: ListName, words: Words) -> Iterator[str]:
    found = groups(report, name, words)
    if found:
        count = words.number(sum(group.count for group in found))
        yield f'<section class="{name}"><h2>{_escaped(words.say(name))} <small>{count}</small></h2>'
        yield f"<p>{_escaped(words.say(f'{name}_note'))}</p>"
        yield from (_group(group, words) for group in found)
        yield "</section>\n"


def _group(group: OrderGroup, words: Words) -> str:
    orders = "".join(f"<li>{_escaped(order)}</li>" for order in group.orders)
    more = f"<li>{_escaped(words.say('more', n=words.number(group.left_out)))}</li>" if group.left_out else ""
    detail = f' <span class="detail">{_escaped(group.detail)}</span>' if group.detail else ""
    return (
        f"<article><h3>{_escaped(group.advice.title)}</h3><p>{_escaped(group.advice.meaning)}{detail}</p>"
        f"<p><b>{_escaped(words.say('to_do'))}</b> {_escaped(group.advice.cure)}</p>"
        f'<ul class="orders">{orders}{more}</ul></article>\n'
    )


def _escaped(text: str) -> str:
    return html.escape(printable(text))


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
