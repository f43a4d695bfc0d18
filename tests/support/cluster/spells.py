"""How long each untruth lasts, from one look per second: pure, time is an argument."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.cluster.truth import Untruth


@dataclass(frozen=True)
class Spell:
    """One untruth about one tenant, from the look that found it to the look that did not."""

    tenant: str
    untruth: Untruth
    seconds: float
    begun: float

    @property
    def is_too_long(self) -> bool:
        """Whether it lasted longer than it may."""
        return self.seconds > self.untruth.limit


@dataclass
class SpellLog:
    """All spells; time without an operator, or without a look, does not count."""

    closed: list[Spell] = field(default_factory=list)
    _open: dict[tuple[str, Untruth], Spell] = field(default_factory=dict)
    _last: float | None = None

    def record(self, now: float, found: Mapping[str, frozenset[Untruth]], *, counts: bool = True) -> None:
        """Take the result of one look; ``counts``: an operator was there since the last one."""
        passed = now - self._last if counts and self._last is not None else 0.0
        keys = {(tenant, untruth) for tenant, untruths in found.items() for untruth in untruths}
        for key, spell in list(self._open.items()):
            self._open[key] = Spell(spell.tenant, spell.untruth, spell.seconds + passed, spell.begun)
            if key not in keys:
                self.closed.append(self._open.pop(key))
        for tenant, untruth in keys - self._open.keys():
            self._open[tenant, untruth] = Spell(tenant, untruth, 0.0, now)
        self._last = now

    def pass_over(self, now: float) -> None:
        """Leave out the time up to ``now``: nothing could be seen."""
        self._last = now

    def all(self) -> list[Spell]:
        """Those that ended and those that last."""
        return [*self.closed, *self._open.values()]
