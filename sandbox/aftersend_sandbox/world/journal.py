"""What each simulated API did, append-only: verdicts are judged from this and from the two worlds alone."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True, frozen=True)
class JournalEntry:
    """One thing that happened: a call, a write to an order, a label, a webhook."""

    at: datetime
    api: str
    """``afterbuy``, ``sendcloud`` or ``control``."""
    what: str
    """Name of the call or action, such as ``UpdateSoldItems`` or ``POST /orders``."""
    key: str = ""
    """OrderID, order_id or parcel id, if the entry is about one."""
    outcome: str = ""
    """``Success``, ``Error 33``, ``201``, …"""
    detail: dict[str, Any] = field(default_factory=dict)


class Journal:
    """All entries plus counters that save counting again."""

    def __init__(self) -> None:
        self.entries: list[JournalEntry] = []
        self.calls: Counter[str] = Counter()
        """By ``<api> <call>``: whole requests."""
        self.writes: dict[int, list[dict[str, tuple[str, str]]]] = defaultdict(list)
        """By OrderID: per UpdateSoldItems element what changed, as {field: (old, new)}; {} = nothing changed."""
        self.tags_added: Counter[tuple[int, str]] = Counter()
        """By (OrderID, tag): how often a call really put the tag there."""
        self.pushes: Counter[str] = Counter()
        """By order_id: how often an accepted POST /orders held the order."""
        self.webhooks: Counter[str] = Counter()
        """By outcome: ``sent``, ``lost``, ``doubled``, ``delayed``, ``garbage``, ``delivered``, ``retried``, …"""

    def note(self, entry: JournalEntry) -> None:
        """Append one entry."""
        self.entries.append(entry)

    def call(self, entry: JournalEntry) -> None:
        """Append one entry that stands for a whole request."""
        self.entries.append(entry)
        self.calls[f"{entry.api} {entry.what}"] += 1
