"""The days of a report: from the beginning of a day so many days ago until now."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from aftersend.errors import Misconfigured

MAX_DAYS: Final = 30
"""Daily counters are kept a little longer, so that every day of a report is there."""


@dataclass(frozen=True, slots=True)
class ReportPeriod:
    """Days of the tenant's time zone."""

    now: datetime
    """In that zone."""
    days_back: int

    @property
    def first(self) -> date:
        """Return the first day."""
        return self.now.date() - timedelta(days=self.days_back)

    @property
    def days(self) -> list[date]:
        """Return all days; the last one is not over."""
        return [self.first + timedelta(days=number) for number in range(self.days_back + 1)]


def days_of(since: str) -> int:
    """Return the number in ``7d``; ``Misconfigured`` if it is no whole number of days from 1 to 30."""
    found = re.fullmatch(r"([0-9]{1,2})d", since)
    days = int(found[1]) if found else 0
    if not 1 <= days <= MAX_DAYS:
        raise Misconfigured("not a number of days", path="--since", cure=f"use 1d to {MAX_DAYS}d, such as 7d")
    return days
