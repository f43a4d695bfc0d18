"""What a run reports: its summary, and what it found out about the tenant.

Counts, times, codes and OrderIDs, nothing else. The operator reads them, too, and has no Redis: so they stand apart.
"""

from typing import Literal

import msgspec

RunKind = Literal["export", "sweep"]
RunOutcome = Literal["done", "partial", "failed"]


class OrderDecision(msgspec.Struct, frozen=True):
    """One line of a dry run."""

    order: str
    decision: str
    """transfer, unchanged, skip (reason ``gone``: Afterbuy does not have it), watch or rejected."""
    reason: str = ""


class RunHealth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the run found out about the tenant; the operator copies it to the status of the resource."""

    afterbuy: Literal["ok", "refused", "unavailable", "unknown"] = "unknown"
    sendcloud: Literal["ok", "refused", "unavailable", "unknown"] = "unknown"
    message: str = ""
    """What a person should know or do; empty if all is well."""
    problems: dict[str, int] = {}
    """Orders that a person must look at, by code."""
    notices: dict[str, int] = {}
    """Orders that were sent without data that may be missed, by code."""
    last_write_back: str = ""
    """RFC 3339, UTC; empty if there was none yet."""
    last_backup: str = ""
    """RFC 3339, UTC; empty if there was none yet."""
    last_sweep: str = ""
    """The same, of the last sweep that succeeded."""


class RunSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a run, as ``trigger --json`` prints it."""

    run: str
    kind: RunKind
    outcome: RunOutcome
    from_: str | None = msgspec.field(name="from", default=None)
    """RFC 3339, UTC; null if the run had no window."""
    to: str | None = None
    read: int = 0
    """Orders (export) or parcels (sweep) that were read."""
    sent: int = 0
    """Orders that Sendcloud accepted, or events that were stored."""
    unchanged: int = 0
    skipped: dict[str, int] = {}
    rejected: int = 0
    watched: int = 0
    seconds: float = 0.0
    health: RunHealth = RunHealth()
    orders: tuple[OrderDecision, ...] | msgspec.UnsetType = msgspec.UNSET
    """Dry runs only."""
