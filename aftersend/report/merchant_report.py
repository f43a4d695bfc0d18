"""The facts of a report, with the names that JSON shows."""

from collections.abc import Mapping

import msgspec


class ReportedOrder(msgspec.Struct, frozen=True):
    """An order that waits, or that a person should look at."""

    order: str
    """The OrderID."""
    code: str
    """A reason, a problem or a notice: a word of a fixed list."""
    path: str
    """What it is about: the name of a field, or a reason; never its content."""
    since: str
    """RFC 3339, UTC."""
    meaning: str = ""
    cure: str = ""


class LabelToAfterbuy(msgspec.Struct, frozen=True):
    """Seconds from a label to its number in Afterbuy, in steps of two digits; None if no number was written."""

    median: int | None
    slowest: int | None


class RunCounts(msgspec.Struct, frozen=True):
    """Runs of one kind, by outcome, and due times that passed without success."""

    done: int = 0
    partial: int = 0
    failed: int = 0
    missed: int = 0


class MerchantReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One report."""

    tenant: str
    first: str
    """YYYY-MM-DD, in the tenant's time zone."""
    last: str
    language: str
    suspended: bool
    sent: int
    labelled: int
    written_back: int
    label_to_afterbuy: LabelToAfterbuy
    problems: tuple[ReportedOrder, ...]
    notices: tuple[ReportedOrder, ...]
    held: tuple[ReportedOrder, ...]
    export: RunCounts
    sweep: RunCounts

    @property
    def is_calm(self) -> bool:
        """Return whether there is nothing to look at."""
        return not (self.problems or self.notices or self.held or self.suspended or self.missed)

    @property
    def missed(self) -> int:
        """Return the number of missed runs."""
        return self.export.missed + self.sweep.missed


def label_to_afterbuy(counts: Mapping[str, int]) -> LabelToAfterbuy:
    """Return median and slowest of the fields ``took:<seconds>``."""
    took = sorted((int(field.removeprefix("took:")), count) for field, count in counts.items() if _is_time(field))
    half, passed = sum(count for _, count in took) / 2, 0
    for seconds, count in took:
        passed += count
        if passed >= half:
            return LabelToAfterbuy(seconds, took[-1][0])
    return LabelToAfterbuy(None, None)


def run_counts(counts: Mapping[str, int], kind: str) -> RunCounts:
    """Return the runs of one kind."""
    return RunCounts(**{name: counts.get(f"{kind}.{name}", 0) for name in RunCounts.__struct_fields__})


def _is_time(field: str) -> bool:
    return field.startswith("took:") and field.removeprefix("took:").isdecimal()
