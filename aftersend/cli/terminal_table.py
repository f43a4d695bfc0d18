"""Tables for people at a terminal."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table


def show_terminal_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Print lines under a head, in columns that fit the terminal."""
    table = Table(*head, box=SIMPLE_HEAD, pad_edge=False)
    for line in lines:
        table.add_row(*map(escape, line))
    Console().print(table)
