"""The floors of each part, as import-linter holds them: its ``layers`` contracts in ``pyproject.toml``."""

import tomllib
from pathlib import Path
from typing import Any

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"


def table() -> str:
    """Render one row per contract, floors from top to bottom; a floor imports only from those below it."""
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    rows = ["| part | floors, from top to bottom |", "|---|---|"]
    rows += [_row(contract) for contract in contracts if contract["type"] == "layers"]
    return "\n".join(rows) + "\n"


def _row(contract: dict[str, Any]) -> str:
    part = contract["name"].removeprefix("Floors of ").removeprefix("the ")
    floors = [_short(floor) for floor in contract["layers"]]
    return f"| {part} | {' → '.join(floors)} |"


def _short(floor: str) -> str:
    names = [name.strip(" ()") for name in floor.replace(":", "|").split("|")]
    return ", ".join(f"`{name}`" for name in names)
