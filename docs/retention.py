"""What is stored and what ends it: two tables from ``retention.toml``, one in English, one in German."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("retention.toml")


def classes() -> list[dict[str, Any]]:
    """Return the classes of data, each with its texts in both languages."""
    found: list[dict[str, Any]] = tomllib.loads(TABLE.read_text(encoding="utf-8"))["class"]
    return found


def privacy() -> str:
    """Render the table of the page on privacy."""
    heads = {"what": "what", "where": "where", "readable": "readable?", "how_long": "how long"}
    return _table(heads)


def deletion_concept() -> str:
    """Render the classes of the deletion concept, each with the tests that prove it."""
    heads = {
        "art": "Datenart",
        "lesbar": "lesbar?",
        "beginn": "Beginn der Frist",
        "frist": "Löschfrist",
        "wie": "Umsetzung",
        "beleg": "Nachweis",
    }
    return _table(heads, render={"beleg": lambda tests: ", ".join(f"`{test}`" for test in tests)})


def _table(heads: dict[str, str], *, render: dict[str, Callable[[Any], str]] | None = None) -> str:
    render = render or {}
    cells = [[render.get(key, str)(each[key]) for key in heads] for each in classes()]
    rows = [f"| {' | '.join(row)} |" for row in ([*heads.values()], *cells)]
    return "\n".join([rows[0], f"|{'---|' * len(heads)}", *rows[1:]]) + "\n"
