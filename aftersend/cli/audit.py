"""``aftersend audit``: what persons did through the commands; nothing in it names an order."""

from pathlib import Path

import msgspec

from aftersend.audit import AuditRecord, AuditTrail
from aftersend.cli.exit_codes import OK
from aftersend.cli.output import show_json, show_table
from aftersend.cli.tenant_context import tenant_session

_HEAD = ("time", "action", "way", "backup", "id")


async def list_all(file: Path | None, data_dir: Path, *, as_json: bool) -> int:
    """Print the audit trail, the oldest record first."""
    async with tenant_session(file, data_dir) as tenant:
        found = await AuditTrail(tenant.redis, tenant=tenant.identity).records()
    show_json(found) if as_json else show_table(_HEAD, map(_row, found), empty="nothing yet")
    return OK


def _row(record: AuditRecord) -> tuple[object, ...]:
    fields = msgspec.structs.asdict(record)
    return tuple(fields[name] for name in _HEAD)
