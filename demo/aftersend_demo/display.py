"""Progress of the demo: a live table at a terminal, one line per event elsewhere, nothing with ``--json``."""

import sys
import time
from typing import Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.columns import Columns
from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

MAX_LINES = 9


class Display(Protocol):
    """Where the scenario reports its progress."""

    def event(self, text: str) -> None:
        """Report one event."""

    def counts(self, **counts: int) -> None:
        """Report the current counts of both simulated systems."""

    def close(self) -> None:
        """End the display."""


class SilentDisplay:
    """No output, for ``--json``."""

    def event(self, text: str) -> None:
        """Discard the event."""

    def counts(self, **counts: int) -> None:
        """Discard the counts."""

    def close(self) -> None:
        """Do nothing."""


class LineDisplay:
    """One line per event with the seconds since the start, for pipes and logs."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def event(self, text: str) -> None:
        """Print the event."""
        sys.stdout.write(f"{time.monotonic() - self._start:5.1f} s  {text}\n")
        sys.stdout.flush()

    def counts(self, **counts: int) -> None:
        """Discard the counts, which would fill a log."""

    def close(self) -> None:
        """Do nothing."""


class LiveDisplay:
    """Counts with bars beside the latest events, redrawn while the demo runs."""

    def __init__(self, console: Console) -> None:

        self._start = time.monotonic()
        self._counts: dict[str, int] = {}
        self._lines: list[str] = []
        self._live = Live(self.render(), console=console, refresh_per_second=8)
        self._live.start()

    def event(self, text: str) -> None:
        """Add a line for the event."""
        self._lines.append(f"{time.monotonic() - self._start:5.1f} s  {text}")
        self._live.update(self.render())

    def counts(self, **counts: int) -> None:
        """Redraw with these counts."""
        self._counts = counts
        self._live.update(self.render())

    def close(self) -> None:
        """Stop redrawing; the last state stays on the terminal."""
        self._live.update(self.render())
        self._live.stop()

    def render(self) -> RenderableType:
        """Render two columns: counts with bars, events."""
        events = Text("\n".join(self._lines[-MAX_LINES:]))
        return Columns(
            [
                Panel(_counts_table(self._counts), title="one merchant's day", border_style="blue"),
                Panel(events, title="what happens", border_style="blue", height=MAX_LINES + 2, width=74),
            ]
        )


def _counts_table(counts: dict[str, int]) -> RenderableType:

    table = Table.grid(padding=(0, 1))
    total = max([1, *counts.values()])
    for name, value in counts.items():
        table.add_row(name.replace("_", " "), f"[bold]{value:>5}", ProgressBar(total=total, completed=value, width=20))
    return table


def verdict_table(rules: list[dict[str, Any]]) -> RenderableType:
    """Render the verdict, a row per rule."""
    table = Table("", "rule", "cases", "violated", box=SIMPLE_HEAD, pad_edge=False)
    for rule in rules:
        mark = "[green]✔" if rule["kept"] else "[red]✘"
        orders = escape(" " + ", ".join(rule["orders"][:5])) if rule["orders"] else ""
        table.add_row(mark, rule["text"], str(rule["checked"]), f"{rule['violated']}{orders}")
    return table


def verdict_lines(rules: list[dict[str, Any]]) -> list[str]:
    """Render the verdict as plain lines, one per rule."""
    return [
        f"{'ok    ' if rule['kept'] else 'FAILED'} {rule['checked']:>5} cases, {rule['violated']:>3} violated: "
        + " ".join([rule["text"], *rule["orders"][:5]])
        for rule in rules
    ]
