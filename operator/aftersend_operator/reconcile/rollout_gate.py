"""The rollout gate: an upgrade of the operator must not restart all tenants at once.

A change that a person made to a tenant goes ahead at once; this gate is for changes that come from the operator itself:
another image, another version. A tenant holds its place from the moment its workloads are changed until they are
complete, or stuck (then its condition says so and the next one goes).

A StatefulSet never says that it is stuck, so nobody holds a place for more than 15 minutes.

Who holds places is not stored anywhere. After a restart it is record again from the workloads themselves, because every
tenant that is rolling then takes its place before anybody else is let in (``resume``).
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aftersend_operator.model.records import ChildRecord, Key

MAX_HOLD_SECONDS: Final = 900.0


@dataclass(slots=True)
class RolloutGate:
    """``at_once`` tenants at most are let in."""

    at_once: int
    clock: Callable[[], float] = time.monotonic
    _rolling: dict[Key, float] = field(default_factory=dict)
    """Since when."""

    def resume(self, rolling: Iterable[Key]) -> None:
        """At the start: these are rolling already."""
        self._rolling |= dict.fromkeys(rolling, self.clock())

    def acquire(self, key: Key) -> bool:
        """True if the tenant may roll now; it holds a place then."""
        now = self.clock()
        self._rolling = {holder: since for holder, since in self._rolling.items() if now - since < MAX_HOLD_SECONDS}
        if key in self._rolling or len(self._rolling) < self.at_once:
            self._rolling.setdefault(key, now)
            return True
        return False

    def release(self, key: Key) -> None:
        """The tenant has rolled, is stuck or gone."""
        self._rolling.pop(key, None)


def is_rolling(children: Iterable[ChildRecord]) -> bool:
    """True while a workload is on its way."""
    rollouts = [child.rollout for child in children if child.rollout is not None]
    return any(not rollout.complete for rollout in rollouts) and not any(rollout.stuck for rollout in rollouts)
