"""The window of an export: "today and yesterday", and never a gap.

    start = midnight ``lookbackDays`` before today, in the tenant's zone
            or the start of the last complete run, if that is earlier (an outage), at most ``catchUpDays`` before today
            but never before ``notBefore``
    end   = the coming midnight, so that the clocks of both sides need not agree

Without any earlier run only ``lookbackDays`` count: a new tenant must not flood Sendcloud with old orders.

Afterbuy compares wall clocks in Berlin. In autumn one hour comes twice there, and an order of its first pass can show
a later time than one of its second. So whenever Berlin changes its clocks within the period or near its ends, the
period is one hour wider on both sides. Too wide is harmless: unchanged orders are not sent again.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from aftersend.tenant.document import Window

BERLIN = ZoneInfo("Europe/Berlin")
_HOUR = timedelta(hours=1)
_NEAR = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time, aware, UTC; empty if it ends before it starts."""

    start: datetime
    end: datetime

    @property
    def is_empty(self) -> bool:
        """Return whether no order can lie in it."""
        return self.start >= self.end


def period(*, now: datetime, zone: ZoneInfo, rules: Window, last_start: datetime | None) -> Period:
    """Return the period to read; ``last_start`` is the start of the last run that read everything."""
    today = now.astimezone(zone).date()
    start = midnight(today - timedelta(days=rules.lookback_days), zone=zone)
    if last_start is not None:
        start = min(start, max(last_start.astimezone(UTC), catch_up_start(now=now, zone=zone, rules=rules)))
    end = midnight(today + timedelta(days=1), zone=zone)
    beginning = first_moment(rules, zone=zone)
    return widened(Period(max(start, beginning) if beginning else start, end))


def catch_up_start(*, now: datetime, zone: ZoneInfo, rules: Window) -> datetime:
    """Return the first moment that a run may reach back to: midnight ``catchUpDays`` before today."""
    return midnight(now.astimezone(zone).date() - timedelta(days=rules.catch_up_days), zone=zone)


def first_moment(rules: Window, *, zone: ZoneInfo) -> datetime | None:
    """Return the first moment of ``notBefore``, or None if there is no such limit."""
    return midnight(date.fromisoformat(rules.not_before), zone=zone) if rules.not_before else None


def midnight(day: date, *, zone: ZoneInfo) -> datetime:
    """Return the first moment of a day in a zone, as UTC; also where clocks change at midnight."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


def widened(asked: Period) -> Period:
    """Return the period, an hour wider on both sides if Berlin changes its clocks in it or near its ends."""
    before, after = (asked.start - _NEAR).astimezone(BERLIN), (asked.end + _NEAR).astimezone(BERLIN)
    if asked.is_empty or before.utcoffset() == after.utcoffset():
        return asked
    return Period(asked.start - _HOUR, asked.end + _HOUR)
