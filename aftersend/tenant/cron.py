"""The cron syntax of schedules: five fields that Kubernetes' CronJobs and our own scheduler read alike.

Each field is ``*``, a value or a range, perhaps with a step, several with commas; months and days also by their English
names. Sunday is 0: Kubernetes does not know 7, and neither knows ``L`` or ``#``. One pattern serves both readers.
"""

import re
from datetime import datetime, tzinfo
from itertools import takewhile
from typing import Final

from cronsim import CronSim

_MAX_COUNTED: Final = 1000


def _field(value: str) -> str:
    term = rf"(\*|({value})(-({value}))?)(/[1-9][0-9]?)?"
    return rf"{term}(,{term})*"


def _either_case(names: str) -> str:
    return f"{names}|{names.lower()}"


_MONTHS = _either_case("JAN|FEB|MAR|APR|MAY|JUN|JUL|AUG|SEP|OCT|NOV|DEC")
_DAYS = _either_case("SUN|MON|TUE|WED|THU|FRI|SAT")
_FIELDS = (
    "[0-5]?[0-9]",
    "[01]?[0-9]|2[0-3]",
    "0?[1-9]|[12][0-9]|3[01]",
    f"0?[1-9]|1[0-2]|{_MONTHS}",
    f"[0-6]|{_DAYS}",
)
PATTERN = f"^{' '.join(map(_field, _FIELDS))}$"
CURE = "use five cron fields (minute, hour, day, month, day of the week with Sunday as 0) such as '0 * * * *'"


def is_cron(schedule: str) -> bool:
    """Return True if every field is one that Kubernetes would accept."""
    return re.fullmatch(PATTERN, schedule) is not None


def due_between(schedule: str, *, after: datetime, until: datetime, zone: tzinfo) -> int:
    """Count the times of the schedule after one moment and until another, a thousand at most."""
    times = takewhile(lambda due: due <= until, CronSim(schedule, after.astimezone(zone)))
    return sum(1 for _ in zip(times, range(_MAX_COUNTED), strict=False))
