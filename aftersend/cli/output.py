"""Output of commands: a table at a terminal, plain columns in a pipe, JSON for machines."""

import sys
from collections.abc import Iterable, Sequence

import msgspec

from aftersend.printable import escaped_json, printable


def show_json(value: object) -> None:
    """Write one JSON document to standard output."""
    sys.stdout.write(escaped_json(msgspec.json.encode(value).decode()) + "\n")


def show_text(text: str) -> None:
    """Write one line to standard output and flush it."""
    sys.stdout.write(printable(text) + "\n")
    sys.stdout.flush()


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str) -> None:
    """Write rows under a head; without rows, the text ``empty``."""
    lines = [["–" if cell is None or cell == "" else printable(str(cell)) for cell in row] for row in rows]
    if not lines:
        show_text(empty)
    elif sys.stdout.isatty():
        from aftersend.cli.terminal_table import show_terminal_table  # noqa: PLC0415 - rich is slow to import

        show_terminal_table(head, lines)
    else:
        _plain_table([list(map(str.upper, head)), *lines])


def _plain_table(lines: Sequence[Sequence[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        show_text("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
