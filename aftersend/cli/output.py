"""How commands talk: a table for people at a terminal, plain columns in a pipe, JSON for machines."""

import sys
from collections.abc import Iterable, Sequence


def show_json(value: object) -> None:
    """One JSON document on standard output."""
    import msgspec

    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")


def show_text(text: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Rows under a head; ``empty`` says that there are none."""
    lines = [["–" if cell is None or cell == "" else str(cell) for cell in row] for row in rows]
    if not lines:
        show_text(empty)
    elif sys.stdout.isatty():
        _rich_table(head, lines)
    else:
        _plain_table([list(map(str.upper, head)), *lines])


def _rich_table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(*head, box=SIMPLE_HEAD, pad_edge=False)
    for line in lines:
        table.add_row(*map(escape, line))
    Console().print(table)


def _plain_table(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        show_text("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
