"""The rollout gate: an upgrade of the operator must not restart all tenants at once.

A changed tenant document rolls at once; the gate is for changes that the operator itself brings: another image, another
version. A tenant holds a slot from the change of its workloads until their rollout is complete, or stuck (then its
condition says so and the next tenant rolls). A StatefulSet never reports that it is stuck, so a slot is held for at
most 15 minutes.

A tenant that was ready when it took its slot, and whose rollout is stuck or not complete when its time is over, is a
failure. After the first one no more tenants roll than may still fail. After ``max_failures`` of them the wave stops:
nothing more is rolled until one of them heals, or a corrected release starts the operator anew. Tenants of the compact
topology go last: their pods end before the new ones start.

Nothing is stored here. After a restart slots and failures are derived before the queue starts (``resume``): from the
workloads that are rolling, and from the condition ``Progressing``, which says ``Upgrading`` or ``UpgradeFailed``. A
tenant whose upgrade failed before the restart, and whose workloads are to be changed again, gets another release than
the one that failed: its failure counts no longer.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aftersend_operator.model.reasons import ConditionReason
from aftersend_operator.model.records import ChildRecord, Key, TenantRecord
from aftersend_operator.status.conditions import Upgrade

MAX_HOLD_SECONDS: Final = 900.0
COMPACT_DELAY_SECONDS: Final = 4.0
"""Less than the time after which a waiting tenant asks again."""


@dataclass(frozen=True, slots=True)
class _Slot:
    since: float
    was_ready: bool


@dataclass(slots=True)
class RolloutGate:
    """At most ``at_once`` tenants hold a slot, and none takes one after ``max_failures``."""

    at_once: int
    max_failures: int = 2
    clock: Callable[[], float] = time.monotonic
    failed: set[Key] = field(default_factory=set)
    """Tenants that were ready before the wave reached them, and did not come up again."""
    _failed_before: set[Key] = field(default_factory=set)
    """Those of ``failed`` that failed before this process started."""
    _rolling: dict[Key, _Slot] = field(default_factory=dict)
    _split_waiting: set[Key] = field(default_factory=set)
    _first_asked: dict[Key, float] = field(default_factory=dict)
    """When a compact tenant asked first: others have that long to ask before it."""

    @property
    def is_stopped(self) -> bool:
        """Return True if the wave has stopped after failures."""
        return len(self.failed) >= self.max_failures

    def resume(self, record: TenantRecord, children: Iterable[ChildRecord]) -> None:
        """Continue what an earlier process has begun with a tenant."""
        if _progress(record) == ConditionReason.UPGRADE_FAILED:
            self.failed.add(record.key)
            self._failed_before.add(record.key)
        elif is_rolling(children):
            self._rolling[record.key] = _Slot(self.clock(), was_ready=_progress(record) == ConditionReason.UPGRADING)

    def upgrade_of(self, key: Key) -> Upgrade:
        """Return how the upgrade of a tenant goes that was ready before it."""
        if key in self.failed:
            return "failed"
        return "rolls" if key in self._rolling and self._rolling[key].was_ready else ""

    def acquire(self, key: Key, *, was_ready: bool = False, is_compact: bool = False) -> bool:
        """Take a slot; False if all are taken, if the wave has stopped, or if it is not a compact tenant's turn yet."""
        now = self.clock()
        if key in self._failed_before:
            self.release(key)
        for holder in [holder for holder, slot in self._rolling.items() if now - slot.since >= MAX_HOLD_SECONDS]:
            self.fail(holder)
        if key in self._rolling:
            return True
        may_roll = len(self._rolling) < self._places and (not is_compact or self._is_last(key))
        if may_roll:
            self._rolling[key] = _Slot(now, was_ready)
            self._forget(key)
        elif not is_compact:
            self._split_waiting.add(key)
        return may_roll

    def fail(self, key: Key) -> None:
        """Free the slot of a tenant whose rollout is stuck, and count it if it was ready before."""
        slot = self._rolling.pop(key, None)
        if slot is not None and slot.was_ready:
            self.failed.add(key)

    def release(self, key: Key) -> None:
        """Free the slot of a tenant that has rolled, or is gone."""
        self._rolling.pop(key, None)
        self.failed.discard(key)
        self._failed_before.discard(key)
        self._forget(key)

    @property
    def _places(self) -> int:
        """Return how many tenants may roll: after a failure no more than may still fail before the wave stops."""
        return min(self.at_once, self.max_failures - len(self.failed)) if self.failed else self.at_once

    def _is_last(self, key: Key) -> bool:
        """Return True for a compact tenant when no split one waits, and all had time to ask."""
        since = self._first_asked.setdefault(key, self.clock())
        return not self._split_waiting and self.clock() - since >= COMPACT_DELAY_SECONDS

    def _forget(self, key: Key) -> None:
        self._split_waiting.discard(key)
        self._first_asked.pop(key, None)


def _progress(record: TenantRecord) -> str:
    """Return the reason of the condition ``Progressing``; empty for a tenant without status."""
    return next((each.reason for each in record.status.conditions if each.type == "Progressing"), "")


def is_rolling(children: Iterable[ChildRecord]) -> bool:
    """Return True while a workload is rolling and none is stuck."""
    rollouts = [child.rollout for child in children if child.rollout is not None]
    return any(not rollout.complete for rollout in rollouts) and not any(rollout.stuck for rollout in rollouts)


def is_stuck(children: Iterable[ChildRecord]) -> bool:
    """Return True if the rollout of a workload makes no progress."""
    return any(child.rollout is not None and child.rollout.stuck for child in children)
