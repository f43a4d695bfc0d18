"""The counts of one run, and its outcome.

    failed    the window (of a sweep: the pages; of named orders: these) was not read to its end, or every batch failed
              for transient reasons, or the run could not even start
    partial   something was rejected or has to be tried again (it is watched), or a side read failed: second look,
              rechecks, confirmation, products
    done      everything else

A rejected order is a problem of that order, not of the run.

What is counted can be found: by ``aftersend orders``, or in the log, which has a line per result and reason with up to
20 OrderIDs (``Counted``). No more of them are kept.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final, Literal

from msgspec import UNSET

from aftersend.errors import AftersendError, CredentialsRefused, SecretMissing, Transient
from aftersend.order_ids import is_order_id
from aftersend.runs import OrderDecision, RunHealth, RunKind, RunOutcome, RunSummary
from aftersend.stream.event import rfc3339

Reachable = Literal["ok", "refused", "unavailable", "unknown"]
OrderResult = Literal["sent", "unchanged", "rejected", "retried", "skipped"]
"""What came of an order: the label ``outcome`` of the metric ``aftersend_orders_total``."""
MAX_NAMED: Final = 20
"""OrderIDs in one log line."""


@dataclass(slots=True)
class Counted:
    """What was counted under one result and reason; of an entry without OrderID it is the number only."""

    count: int = 0
    orders: list[str] = field(default_factory=list)
    """The first OrderIDs."""

    def add(self, orders: Sequence[str]) -> None:
        """Count these orders."""
        self.count += len(orders)
        named = (order for order in orders if is_order_id(order) and order not in self.orders)
        self.orders += islice(named, MAX_NAMED - len(self.orders))


@dataclass(slots=True)
class RunStats:
    """The counts of one run, while it runs."""

    run: str
    kind: RunKind
    start: datetime | None = None
    end: datetime | None = None
    read: int = 0
    sent: int = 0
    unchanged: int = 0
    rejected: int = 0
    watched: int = 0
    retried: int = 0
    """Orders that could not be finished now and will be tried again."""
    batches_failed: int = 0
    batches_done: int = 0
    window_read: bool = True
    """What the run is for was read to its end: the window, all pages of a sweep, the named orders."""
    everything_read: bool = True
    """The side reads, too."""
    skipped: Counter[str] = field(default_factory=Counter)
    counted: dict[tuple[OrderResult, str], Counted] = field(default_factory=dict)
    """By result and reason, which is a word of a fixed list."""
    errors: dict[str, AftersendError] = field(default_factory=dict)
    """The last error per upstream ("" = our own configuration)."""
    decisions: list[OrderDecision] | None = None
    """The list of a dry run."""

    def count(self, result: OrderResult, orders: Sequence[str], *, reason: str = "") -> None:
        """Count orders by what came of them; ``orders`` are OrderIDs, empty where there is none."""
        if orders:
            self.counted.setdefault((result, reason), Counted()).add(orders)
        match result:
            case "sent":
                self.sent += len(orders)
            case "unchanged":
                self.unchanged += len(orders)
            case "rejected":
                self.rejected += len(orders)
            case "retried":
                self.retried += len(orders)
            case "skipped":
                self.skipped[reason] += len(orders)

    def record_decision(self, decision: OrderDecision) -> None:
        """Add a line to the list of a dry run."""
        if self.decisions is not None:
            self.decisions.append(decision)

    def record_error(self, error: AftersendError) -> None:
        """Keep an error beyond a single order; errors of our own Redis end the run, and its request comes again."""
        if isinstance(error, Transient) and error.upstream not in ("afterbuy", "sendcloud"):
            raise error
        self.errors[error.upstream] = error

    @property
    def outcome(self) -> RunOutcome:
        """Return ``failed``, ``partial`` or ``done``."""
        if self._failed:
            return "failed"
        return "partial" if self.errors or self.rejected or self.retried else "done"

    @property
    def is_complete(self) -> bool:
        """Return whether the next run may begin where this one did: nothing is left unread, and it did not fail."""
        return self.everything_read and not self._failed

    @property
    def _failed(self) -> bool:
        if self.batches_failed and not self.batches_done:
            return True
        return not self.window_read

    def summary(
        self,
        *,
        seconds: float,
        problems: dict[str, int],
        notices: dict[str, int] | None = None,
        last_write_back: str,
        last_backup: str = "",
        last_sweep: str = "",
    ) -> RunSummary:
        """Return the result that is stored for every request that the run served."""
        return RunSummary(
            run=self.run,
            kind=self.kind,
            outcome=self.outcome,
            from_=rfc3339(self.start.timestamp()) if self.start else None,
            to=rfc3339(self.end.timestamp()) if self.end else None,
            read=self.read,
            sent=self.sent,
            unchanged=self.unchanged,
            skipped=dict(sorted(self.skipped.items())),
            rejected=self.rejected,
            watched=self.watched,
            seconds=round(seconds, 3),
            health=RunHealth(
                afterbuy=self._reachable("afterbuy"),
                sendcloud=self._reachable("sendcloud"),
                message="; ".join(str(error) for error in self.errors.values()),
                problems=problems,
                notices=notices or {},
                last_write_back=last_write_back,
                last_backup=last_backup,
                last_sweep=last_sweep,
            ),
            orders=UNSET if self.decisions is None else tuple(self.decisions),
        )

    def _reachable(self, upstream: str) -> Reachable:
        error = self.errors.get(upstream)
        if error is None:
            return "ok" if self.read or self.sent or not self.errors else "unknown"
        if isinstance(error, CredentialsRefused | SecretMissing):
            return "refused"
        return "unavailable" if isinstance(error, Transient) else "ok"
