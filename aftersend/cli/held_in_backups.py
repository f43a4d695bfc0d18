"""Which backups may hold what was erased, and when the last of them ends."""

from dataclasses import dataclass

from aftersend.backup.names import published
from aftersend.backup.target import open_target
from aftersend.cli.exit_codes import print_error
from aftersend.cli.tenant_context import TenantLocation
from aftersend.errors import AftersendError
from aftersend.stream.event import rfc3339, seconds_of


@dataclass(frozen=True, slots=True)
class HeldInBackups:
    """``backups`` is None where no place is known or readable; ``end`` is None if there is nothing to end."""

    backups: int | None
    end: str | None
    """RFC 3339, UTC; the first backup after that removes the last one that was begun before."""


async def held_in_backups(location: TenantLocation, target: str, *, until: float | None) -> HeldInBackups:
    """Count the backups that were begun up to ``until`` (ms since 1970), or all, which have no end yet.

    One that is being made has an end, too. A place that cannot be read is reported: what was erased before stays so.
    """
    place = target or location.backup_target
    keep = location.tenant.spec.backup.keep_hours * 3600
    end = None if until is None else rfc3339(until / 1000 + keep)
    if not place:
        return HeldInBackups(None, end)
    try:
        files = await open_target(place, tenant=location.identity, secrets=location.secrets("backup")).files()
    except AftersendError as error:
        print_error(f"backups were not counted: {error}")
        return HeldInBackups(None, end)
    good = published(files)
    found = [backup for backup in good if until is None or (seconds_of(backup.time) or 0) * 1000 <= until]
    return HeldInBackups(len(found), end if found or len(files) > len(good) else None)
