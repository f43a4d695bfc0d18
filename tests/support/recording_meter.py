"""A meter for clients of Afterbuy and Sendcloud that keeps what it is given."""

from dataclasses import dataclass, field


@dataclass
class RecordingMeter:
    """Outcomes and remaining budgets, in the order of the calls."""

    outcomes: list[str] = field(default_factory=list)
    budgets: list[float] = field(default_factory=list)

    def observe(self, outcome: str, seconds: float) -> None:
        """Keep the outcome of one call."""
        assert seconds >= 0
        self.outcomes.append(outcome)

    def budget(self, remaining: float, limit: float) -> None:
        """Keep what is left of the budget."""
        assert 0 <= remaining <= limit
        self.budgets.append(remaining)
