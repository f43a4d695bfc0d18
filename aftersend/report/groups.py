"""Orders with the same code and path, as text and page show them: said once, with all OrderIDs."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from aftersend.report.merchant_report import MerchantReport, ReportedOrder
from aftersend.report.words import Advice, ListName, Words

MAX_SHOWN: Final = 20
"""OrderIDs of one group; JSON shows them all."""
LISTS: Final[tuple[ListName, ...]] = ("problems", "notices", "held")


@dataclass(frozen=True, slots=True)
class OrderGroup:
    """Orders of one list with the same code and path."""

    advice: Advice
    detail: str
    orders: tuple[str, ...]
    """The first OrderIDs."""
    count: int

    @property
    def left_out(self) -> int:
        """Return how many orders are not shown."""
        return self.count - len(self.orders)


def groups(report: MerchantReport, name: ListName, words: Words) -> list[OrderGroup]:
    """Group one list, largest group first."""
    listed: Iterable[ReportedOrder] = sorted(getattr(report, name), key=_key)
    found = [_group(name, key, list(same), words) for key, same in groupby(listed, key=_key)]
    return sorted(found, key=lambda group: -group.count)


def totals(report: MerchantReport, words: Words) -> str:
    """Return what happened, in one sentence."""
    counts = {"sent": report.sent, "labelled": report.labelled, "written": report.written_back}
    return words.say("totals", **{name: words.number(count) for name, count in counts.items()})


def took(report: MerchantReport, words: Words) -> str:
    """Return how long numbers took to Afterbuy; empty if none was written."""
    times = report.label_to_afterbuy
    if times.median is None or times.slowest is None:
        return ""
    return words.say("took", median=words.duration(times.median), slowest=words.duration(times.slowest))


def missed(report: MerchantReport, words: Words) -> list[str]:
    """Return a sentence per kind of run that was missed."""
    counts = {"missed_export": report.export.missed, "missed_sweep": report.sweep.missed}
    return [words.say(name, n=words.number(count)) for name, count in counts.items() if count]


def _key(line: ReportedOrder) -> tuple[str, str]:
    return line.code, line.path


def _group(name: ListName, key: tuple[str, str], lines: list[ReportedOrder], words: Words) -> OrderGroup:
    orders = tuple(line.order for line in lines)
    return OrderGroup(words.advice(name, *key), words.detail(name, *key), orders[:MAX_SHOWN], len(orders))
