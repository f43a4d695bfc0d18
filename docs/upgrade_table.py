"""The table of the last upgrade and rollback: rendered from what ``make upgrade`` wrote to ``docs/upgrade.json``."""

import json
from pathlib import Path
from typing import Any

_MEASURED = Path(__file__).resolve().parent / "upgrade.json"
_HEAD = ("move", "all tenants run it and are well after", "orders sent meanwhile")
_WEBHOOKS = {"delivered": "webhooks delivered", "retried": "refused and sent again", "given_up": "given up"}


def table() -> str:
    """Render each move, and what happened to webhooks meanwhile."""
    found = json.loads(_MEASURED.read_text())
    head = (*_HEAD, *_WEBHOOKS.values())
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|", *map(_row, found["moves"])]
    return f"{_summary(found)}\n\n" + "\n".join(rows) + "\n"


def _summary(found: dict[str, Any]) -> str:
    return (
        f"{found['tenants']} tenants from commit `{found['from']}`, one at a time, on one node: {found['orders']} "
        f"orders to Sendcloud, {found['numbers']} updates to Afterbuy, {found['dead']} dead letters, no rule violated."
    )


def _row(move: dict[str, Any]) -> str:
    counts = [move["webhooks"].get(name, 0) for name in _WEBHOOKS]
    return f"| {move['what']} | {move['seconds']} s | {' | '.join(map(str, (move['orders'], *counts)))} |"
