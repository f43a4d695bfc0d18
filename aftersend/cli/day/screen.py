"""How the demo shows itself: a live table at a terminal, one line per event elsewhere, nothing with ``--json``."""

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

MAX_LINES = 9


class Screen(Protocol):
    """What the story tells."""

    def event(self, text: str) -> None:
        """Something happened."""

    def counts(self, **figures: int) -> None:
        """The figures of both systems, as they are now."""

    def close(self) -> None:
        """The day is over."""


class Silent:
    """For machines, which read the verdict in the end."""

    def event(self, text: str) -> None:
        """Nobody listens."""

    def counts(self, **figures: int) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nothing to end."""


class Lines:
    """For pipes and logs: one line per event with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def event(self, text: str) -> None:
        """Print it."""
        sys.stdout.write(f"{time.monotonic() - self._start:5.1f} s  {text}\n")
        sys.stdout.flush()

    def counts(self, **figures: int) -> None:
        """Figures without a terminal would only be noise."""

    def close(self) -> None:
        """Nothing to end."""


class LiveTable:
    """For people: figures on top, the latest events below, renewed while it runs."""

    def __init__(self, console: "Console") -> None:
        from rich.live import Live

        self._start = time.monotonic()
        self._figures: dict[str, int] = {}
        self._lines: list[str] = []
        self._live = Live(self.picture(), console=console, refresh_per_second=8)
        self._live.start()

    def event(self, text: str) -> None:
        """Add a line."""
        self._lines.append(f"{time.monotonic() - self._start:5.1f} s  {text}")
        self._live.update(self.picture())

    def counts(self, **figures: int) -> None:
        """Renew the figures."""
        self._figures = figures
        self._live.update(self.picture())

    def close(self) -> None:
        """Leave the last picture on the screen."""
        self._live.update(self.picture())
        self._live.stop()

    def picture(self) -> "RenderableType":
        """Two columns: figures with bars, events."""
        from rich.columns import Columns
        from rich.panel import Panel
        from rich.text import Text

        events = Text("\n".join(self._lines[-MAX_LINES:]))
        return Columns(
            [
                Panel(_figures_table(self._figures), title="one merchant's day", border_style="blue"),
                Panel(events, title="what happens", border_style="blue", height=MAX_LINES + 2, width=74),
            ]
        )


def _figures_table(figures: dict[str, int]) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table

    table = Table.grid(padding=(0, 1))
    total = max([1, *figures.values()])
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), f"[bold]{value:>5}", ProgressBar(total=total, completed=value, width=20))
    return table


def verdict_table(rules: list[dict[str, Any]]) -> "RenderableType":
    """The judgement, a line per rule."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "rule", "cases", "violated", box=SIMPLE_HEAD, pad_edge=False)
    for rule in rules:
        mark = "[green]✔" if rule["kept"] else "[red]✘"
        orders = escape(" " + ", ".join(rule["orders"][:5])) if rule["orders"] else ""
        table.add_row(mark, rule["text"], str(rule["checked"]), f"{rule['violated']}{orders}")
    return table


def verdict_lines(rules: list[dict[str, Any]]) -> list[str]:
    """The same without a terminal."""
    return [
        f"{'ok    ' if rule['kept'] else 'FAILED'} {rule['checked']:>5} cases, {rule['violated']:>3} violated: "
        + " ".join([rule["text"], *rule["orders"][:5]])
        for rule in rules
    ]
