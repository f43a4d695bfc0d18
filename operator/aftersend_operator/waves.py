"""Rolling tenants in waves: an upgrade of the operator must not restart everybody at once.

A change that a person made to a tenant goes ahead at once; this gate is for changes that come from the operator itself:
another image, another version. A tenant holds its place from the moment its workloads are changed until they are
complete, or stuck (then its condition says so and the next one goes).

Who holds places is not stored anywhere. After a restart it is seen again from the workloads themselves, because every
tenant that is rolling then takes its place before anybody else is let in (``resume``).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from aftersend_operator.sightings import Child, Key


@dataclass(slots=True)
class Waves:
    """``at_once`` tenants at most are let in."""

    at_once: int
    _rolling: set[Key] = field(default_factory=set)

    def resume(self, rolling: Iterable[Key]) -> None:
        """At the start: these are rolling already."""
        self._rolling.update(rolling)

    def let_in(self, key: Key) -> bool:
        """True if the tenant may roll now; it holds a place then."""
        if key in self._rolling or len(self._rolling) < self.at_once:
            self._rolling.add(key)
            return True
        return False

    def done(self, key: Key) -> None:
        """The tenant has rolled, is stuck or gone."""
        self._rolling.discard(key)


def is_rolling(children: Iterable[Child]) -> bool:
    """True while a workload is on its way."""
    rollouts = [child.rollout for child in children if child.rollout is not None]
    return any(not rollout.complete for rollout in rollouts) and not any(rollout.stuck for rollout in rollouts)
