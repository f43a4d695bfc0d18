"""``aftersend demo``: one merchant's day, simulated and judged; a package of its own behind an entry point."""

from importlib.metadata import entry_points
from typing import Annotated

import typer

from aftersend.cli.exit_codes import code_of
from aftersend.cli.options import AsJson


def demo(
    orders: Annotated[int, typer.Option(help="Orders in the simulated Afterbuy.", min=300, max=5000)] = 300,
    seed: Annotated[int, typer.Option(help="Another seed, other orders.")] = 1,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running afterwards, until Ctrl-C.")] = False,
    as_json: AsJson = False,
) -> None:
    """Live through a merchant's day: export, labels, webhooks, crashes, write-back, sweep; everything is simulated.

    Exit code 0 only if every rule of the merchant was kept, judged from the two simulated systems alone.
    """
    (entry,) = entry_points(group="aftersend.demo")
    raise SystemExit(code_of(lambda: entry.load()(orders=orders, seed=seed, keep=keep, as_json=as_json)))
