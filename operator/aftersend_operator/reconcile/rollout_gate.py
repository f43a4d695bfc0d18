"""The rollout gate: an upgrade of the operator must not restart all tenants at once.

A changed tenant document rolls at once; the gate is for changes that the operator itself brings: another image, another
version. A tenant holds a slot from the change of its workloads until their rollout is complete, or stuck (then its
condition says so and the next tenant rolls). A StatefulSet never reports that it is stuck, so a slot is held for at
most 15 minutes.

Slots are not stored. After a restart they are derived from the workloads: every tenant that is rolling takes its slot
before the queue starts (``resume``).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aftersend_operator.model.records import ChildRecord, Key

MAX_HOLD_SECONDS: Final = 900.0


@dataclass(slots=True)
class RolloutGate:
    """At most ``at_once`` tenants hold a slot."""

    at_once: int
    clock: Callable[[], float] = time.monotonic
    _rolling: dict[Key, float] = field(default_factory=dict)
    """When each tenant took its slot."""

    def resume(self, rolling: Iterable[Key]) -> None:
        """Give slots to tenants that were rolling before this process started."""
        self._rolling |= dict.fromkeys(rolling, self.clock())

    def acquire(self, key: Key) -> bool:
        """Take a slot; False if all are taken."""
        now = self.clock()
        self._rolling = {holder: since for holder, since in self._rolling.items() if now - since < MAX_HOLD_SECONDS}
        if key in self._rolling or len(self._rolling) < self.at_once:
            self._rolling.setdefault(key, now)
            return True
        return False

    def release(self, key: Key) -> None:
        """Free the slot of a tenant that has rolled, is stuck or gone."""
        self._rolling.pop(key, None)


def is_rolling(children: Iterable[ChildRecord]) -> bool:
    """Return True while a workload is rolling and none is stuck."""
    rollouts = [child.rollout for child in children if child.rollout is not None]
    return any(not rollout.complete for rollout in rollouts) and not any(rollout.stuck for rollout in rollouts)
